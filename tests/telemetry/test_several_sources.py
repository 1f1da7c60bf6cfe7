"""Several sources asked as one, which of them the settings set up, and the page that lists them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from ontology import iris
from ontology.errors import BadInput
from ontology.nouns import Entity, Window
from workbench.assembly import live
from workbench.nouns import Answered, Failed, Modality, Question, Silent
from workbench.settings import Settings
from workbench.telemetry.elasticsearch import ElasticsearchSource
from workbench.telemetry.kubernetes_rights import Rights
from workbench.telemetry.live import authorization, live_sources
from workbench.telemetry.loki import LokiSource
from workbench.telemetry.pace import Paces
from workbench.telemetry.several import Several, several
from workbench.testing import FailingSource, SilentSource
from workbench.testing.contract import PAGE, TESTED, written
from workbench.testing.vendors import elasticsearch, loki

NOWHERE = "http://127.0.0.1:1"
ALL = Settings(
    prometheus_url=NOWHERE,
    loki_url=NOWHERE,
    elasticsearch_url=NOWHERE,
    log_files={"/nowhere/*.log": ""},
    trace_files=("/nowhere/*.json",),
    journal_units={"cart.service": "cart"},
    tempo_url=NOWHERE,
    jaeger_url=NOWHERE,
    alertmanager_url=NOWHERE,
    argocd_url=NOWHERE,
    kubernetes_context="current",
    git_folders=(Path("/nowhere"),),
    flag_files={"/nowhere/flags.json": "", f"{NOWHERE}/flags.json": ""},
    github_repositories={"acme/cart": ""},
    gitlab_projects={"acme/cart": ""},
    datadog_url=NOWHERE,
)


class NoCluster:
    """Clients of nothing."""

    paces = Paces()

    def rights(self, context: str) -> Rights:
        raise AssertionError("nobody is asked before the first question")

    def kubernetes(self, context: str) -> object:
        raise AssertionError("a source asks for its client at the first question, not before")


def test_the_tables_of_two_are_joined_and_what_both_tell_is_told_once(
    case_tables: dict[str, pd.DataFrame], fault_window: Window
) -> None:
    """Lines that lie in Loki and in Elasticsearch come once, in time order, with both queries and both digests."""
    held = case_tables["logs"]
    with loki(held.iloc[:40]) as first, elasticsearch(held.iloc[20:]) as second:
        source = several((LokiSource(first.url), ElasticsearchSource(second.url)))
        observation = source.ask(Question(Modality.LOGS, fault_window))

    reply = observation.reply
    assert isinstance(reply, Answered), reply
    inside = held[(held["time"] >= fault_window.start) & (held["time"] < fault_window.end)]
    assert len(reply.table) == len(inside)
    assert reply.table["time"].is_monotonic_increasing
    assert observation.source == "loki, elasticsearch"
    assert "loki: " in reply.digest
    assert "elasticsearch: " in reply.digest
    assert "service_name" in reply.query
    assert "_search" in reply.query


def test_one_that_fails_is_named_and_does_not_lose_the_other(
    case_tables: dict[str, pd.DataFrame], fault_window: Window
) -> None:
    """The digest says who could not be asked and why, be the other one answering or silent."""
    with loki(case_tables["logs"]) as server:
        found = Several((LokiSource(server.url), ElasticsearchSource(NOWHERE))).ask(
            Question(Modality.LOGS, fault_window)
        )
    silent = Several((SilentSource("quiet"), ElasticsearchSource(NOWHERE))).ask(Question(Modality.LOGS, fault_window))

    assert isinstance(found.reply, Answered)
    assert "elasticsearch could not be asked" in found.reply.digest
    assert isinstance(silent.reply, Silent)
    assert "elasticsearch could not be asked" in silent.reply.searched


def test_all_that_fail_are_a_failure_with_every_reason(fault_window: Window) -> None:
    """Only where none could look is the reply Failed; it names each."""
    reply = (
        Several((LokiSource(NOWHERE), ElasticsearchSource(NOWHERE))).ask(Question(Modality.LOGS, fault_window)).reply
    )

    assert isinstance(reply, Failed)
    assert "loki: " in reply.reason
    assert "elasticsearch: " in reply.reason
    assert reply.remedy


def test_one_alone_is_itself() -> None:
    """A single source is not wrapped."""
    alone = FailingSource()

    assert several((alone,)) is alone


def test_every_setting_of_a_source_makes_a_source() -> None:
    """With all set up, each kind of telemetry has a source, and each tested system is among them."""
    sources = live_sources(ALL, NoCluster())
    names = ", ".join(each.name for each in sources.values())

    assert set(sources) == set(Modality)
    expected = (
        *(
            "loki",
            "elasticsearch",
            "log files",
            "trace files",
            "journald",
            "jaeger",
            "tempo",
            "prometheus",
            "datadog",
            "alertmanager",
        ),
        *(
            "argocd",
            "git nowhere",
            "flags flags.json",
            "flags",
            "prometheus rules",
            "github",
            "gitlab",
            "kubernetes",
            "kubernetes rollouts",
        ),
    )
    for each in expected:
        assert each in names.split(", "), names


def test_container_logs_are_read_only_where_there_is_no_log_store() -> None:
    """With a log store the same lines would be told twice; without one the cluster is asked."""
    alone = live_sources(Settings(kubernetes_context="prod"), NoCluster())

    assert alone[Modality.LOGS].name == "kubernetes logs"
    assert "kubernetes logs" not in live_sources(ALL, NoCluster())[Modality.LOGS].name


def test_nothing_set_up_is_no_source(tmp_path: Path) -> None:
    """Without a setting there is no source, and the live environment still stands."""
    assert live_sources(Settings(), NoCluster()) == {}
    assert live(Settings(home=tmp_path)).environment.sources == {}


def test_a_wrong_index_is_named_at_once() -> None:
    """A setting that cannot be used is bad input when the sources are made."""
    with pytest.raises(BadInput):
        live_sources(Settings(elasticsearch_url=NOWHERE, elasticsearch_index="../x"), NoCluster())


def test_a_token_goes_to_its_own_address_alone() -> None:
    """A token is a bearer unless it names its scheme, and another address does not get it."""
    settings = Settings(tokens={"http://a/": "one", "http://b": "ApiKey two"})  # type: ignore[dict-item]

    assert authorization(settings, "http://a") == {"Authorization": "Bearer one"}
    assert authorization(settings, "http://b/") == {"Authorization": "ApiKey two"}
    assert authorization(settings, "http://c") == {}


def test_the_investigation_goes_on_when_all_of_it_is_down(fault_window: Window) -> None:
    """Every source of a world in which nothing answers says Failed with a remedy; none raises."""
    cart = Entity(iris.service("cart", "shop"), "Service", "cart")
    down = ALL.model_copy(update={"github_url": NOWHERE, "gitlab_url": NOWHERE, "kubernetes_context": ""})
    for modality, source in live_sources(down, NoCluster()).items():
        reply = source.ask(Question(modality, fault_window, (cart,))).reply
        assert isinstance(reply, Failed), reply
        assert reply.remedy


def test_the_page_lists_what_the_suite_tests() -> None:
    """The table of docs/sources.md is the one that the registry of the contract suite makes."""
    page = PAGE.read_text()

    assert written(page) == page, "run python -m workbench.testing.contract"
    assert {each.setting for each in TESTED} <= set(Settings.model_fields)
