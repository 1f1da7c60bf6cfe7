"""One rollout told by several sources is one change; what is not the same stays apart."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from ontology.nouns import Window
from workbench.nouns import Answered, Modality, Question
from workbench.telemetry.argocd import ArgocdChanges
from workbench.telemetry.changes_git import GitChanges
from workbench.telemetry.kubernetes_changes import KubernetesChanges
from workbench.telemetry.same_change import joined
from workbench.telemetry.several import several
from workbench.testing.vendors import VendorServer
from workbench.testing.vendors_changes import Repository
from workbench.testing.vendors_cluster import api_client, cluster

START = datetime(2026, 1, 31, 2, 40, tzinfo=UTC)
COLUMNS = ["time", "entity", "kind", "summary", "ref", "detail"]
GIT = (0.0, "cart", "commit", "Shorter timeout (Jo)", "3f2a9c1d07", "src/cart/settings.py")
ARGO = (
    2.0,
    "cart",
    "deploy",
    "shop synchronised automatically: 8d1e0b2c44 -> 3f2a9c1d07",
    "3f2a9c1d07",
    "deploy of <git>",
)
ROLLOUT = (3.0, "cart", "deploy", "cart revision 5: shop/cart:8d1e0b2 -> shop/cart:3f2a9c1", "cart-5d8f7c9b6d", "+T: 1")


def told(name: str, *rows: tuple[object, ...]) -> tuple[str, pd.DataFrame]:
    timed = [(pd.Timestamp(START + timedelta(minutes=float(str(row[0])))), *row[1:]) for row in rows]
    return name, pd.DataFrame(timed, columns=COLUMNS)


def test_a_rollout_told_by_three_is_one_change() -> None:
    """Commit, sync and rollout of one revision are one row, of the deploy, with every witness and its detail."""
    (row,) = joined([told("git shop", GIT), told("argocd", ARGO), told("kubernetes", ROLLOUT)]).to_dict("records")

    assert (row["kind"], row["time"]) == ("deploy", pd.Timestamp(START + timedelta(minutes=2)))
    assert row["summary"].endswith("(told by argocd, also by git shop, kubernetes)")
    assert "git shop at 02:40:00Z: commit Shorter timeout (Jo) 3f2a9c1d07" in row["detail"]
    assert "+T: 1" in row["detail"]


def test_a_version_joins_a_tag_with_the_image_of_that_tag() -> None:
    """A tag v1.4.2 and the rollout of an image 1.4.2 are one change."""
    tag = (0.0, "cart", "release", "shop tagged v1.4.2", "3f2a9c1d07", "v1.4.2")
    image = (4.0, "cart", "deploy", "cart revision 5: shop/cart:1.4.1 -> shop/cart:1.4.2", "cart-5d8f7c9b6d", "")

    assert len(joined([told("git", tag), told("kubernetes", image)])) == 1


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ((3.0, "mail", *ROLLOUT[2:]), "another entity"),
        ((40.0, *ROLLOUT[1:]), "much later"),
        (
            (3.0, "cart", "deploy", "cart revision 6: shop/cart:3f2a9c1 -> shop/cart:8d1e0b2", "cart-7c9b6d5d8f", ""),
            "back",
        ),
        ((3.0, "cart", "deploy", "cart revision 5: shop/cart:latest", "cart-5d8f7c9b6d", ""), "no name in common"),
        ((3.0, "cart", "config", "cart scaled to 3 by jo", "", "+replicas: 3"), "another change"),
    ],
)
def test_what_differs_stays_apart(other: tuple[object, ...], why: str) -> None:
    """Another entity, hours between, the way back, or no revision in common: two changes."""
    assert len(joined([told("git shop", GIT), told("kubernetes", other)])) == 2, why


def test_two_of_one_source_stay_two() -> None:
    """A source that tells a revision twice means two things: a sync that was repeated is no echo."""
    again = (5.0, *ARGO[1:])

    assert len(joined([told("argocd", ARGO, again), told("git shop", GIT)])) == 2


def test_a_forward_and_a_back_are_two_changes_with_their_own_witnesses() -> None:
    """A rollout and its rollback, each told by two, are two changes and not one."""
    back = (8.0, "cart", "deploy", "shop synchronised: 3f2a9c1d07 -> 8d1e0b2c44", "8d1e0b2c44", "")
    undone = (9.0, "cart", "deploy", "cart rolled back to 4: shop/cart:3f2a9c1 -> shop/cart:8d1e0b2", "cart-1", "")

    found = joined([told("argocd", ARGO, back), told("kubernetes", ROLLOUT, undone)])

    assert len(found) == 2
    assert all("also by kubernetes" in each for each in found["summary"])


def test_three_live_sources_count_one_change() -> None:
    """A repository, an Argo CD and a cluster that tell one commit's way are asked as one: one row, three witnesses."""
    time = pd.Timestamp(START + timedelta(minutes=1))
    with Repository(pd.DataFrame([(time, "cart", "deploy", "Shorter timeout", "", "")], columns=COLUMNS)) as repository:
        source = GitChanges(repository.url)
        window = Window(START, START + timedelta(minutes=15))
        question = Question(Modality.CHANGES, window)
        alone = source.ask(question).reply
        assert isinstance(alone, Answered)
        sha = alone.table["ref"][0]
        history = [{"id": 1, "revision": sha + "f" * 30, "deployedAt": "2026-01-31T02:43:00Z"}]
        resources = [{"kind": "Deployment", "name": "cart"}]
        application = {"metadata": {"name": "shop"}, "status": {"history": history, "resources": resources}}
        sets = [_revision(4, "00aa11b", "2026-01-01T00:00:00Z"), _revision(5, sha[:7], "2026-01-31T02:44:00Z")]
        with (
            VendorServer(lambda _path, _query: {"metadata": {}, "items": [application]}) as argo,
            cluster({"replicasets": sets}) as server,
        ):
            every = several((source, ArgocdChanges(argo.url), KubernetesChanges(lambda: api_client(server.url))))
            reply = every.ask(question).reply

    assert isinstance(reply, Answered), reply
    assert len(reply.table) == 1, reply.table.to_string()
    assert "3 entries, 1 different" in reply.digest
    assert "also by" in reply.table["summary"][0]


def _revision(number: int, tag: str, at: str) -> dict[str, object]:
    owner = {"kind": "Deployment", "name": "cart", "controller": True}
    return {
        "metadata": {
            "name": f"cart-{number:08x}",
            "namespace": "shop",
            "creationTimestamp": at,
            "annotations": {"deployment.kubernetes.io/revision": str(number)},
            "ownerReferences": [owner],
        },
        "spec": {"template": {"spec": {"containers": [{"name": "cart", "image": f"shop/cart:{tag}"}]}}},
    }
