"""One settings object, from the data folder's `settings.toml` and `WORKBENCH_*` variables, checked at start."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from ontology.errors import BadInput


def home() -> Path:
    """Return the data folder: `WORKBENCH_HOME`, or the platform's place for an application's data."""
    return Path(os.environ.get("WORKBENCH_HOME") or platformdirs.user_data_path("incident-workbench")).absolute()


class Route(BaseModel):
    """What holds for alerts with certain labels, in place of the setting of the same name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    slack_channel: str | None = None
    mail_to: tuple[str, ...] | None = None
    notify_url: str | None = None
    budget_dollars: Annotated[float, Field(ge=0)] | None = None
    budget_questions: Annotated[int, Field(ge=1)] | None = None
    budget_seconds: Annotated[float, Field(gt=0)] | None = None


class Settings(BaseSettings):
    """Everything that can be set. An environment variable wins over the file, the file over the default."""

    model_config = SettingsConfigDict(env_prefix="WORKBENCH_", extra="ignore", frozen=True)

    home: Path = Field(default_factory=home, description="data folder: graph, journal, episodes")
    notebooks: Path | None = Field(default=None, description="where incident notebooks go; default home/notebooks")
    journal: SecretStr = Field(
        default=SecretStr(""),
        description="address of a PostgreSQL that holds the journal, for workers on many hosts; empty: a file at home",
    )
    environment: str = Field(default="default", description="the estate that scans and telemetry belong to")
    scopes: dict[str, str] = Field(
        default_factory=dict, description="scope binding: `<scanner>:<context, workspace, folder>` to an environment"
    )
    graph: str = Field(default="", description="address of a SPARQL 1.1 engine that holds the graph; empty: our own")
    graph_update: str = Field(default="", description="where that engine takes updates; empty: derived from `graph`")
    graph_auth: str = Field(default="", description="basic, digest, bearer, sigv4 or none; empty: by the address")
    graph_secret: SecretStr = Field(default=SecretStr(""), description="password or token for that engine")
    prometheus_url: str = Field(default="", description="address of a Prometheus API, for live metrics")
    prometheus_step_seconds: float = Field(
        default=15.0, gt=0, description="seconds between points of live metrics: best those of the scrapes"
    )
    tokens: dict[str, SecretStr] = Field(
        default_factory=dict, description="address of an API, such as Grafana's, to the bearer token that it wants"
    )
    loki_url: str = Field(default="", description="address of a Loki, for live logs")
    jaeger_url: str = Field(default="", description="address of a Jaeger query service, for live traces")
    tempo_url: str = Field(default="", description="address of a Grafana Tempo, for live traces")
    elasticsearch_url: str = Field(default="", description="address of an Elasticsearch or OpenSearch, for live logs")
    elasticsearch_index: str = Field(default="logs-*", description="index, pattern or list of them that holds the logs")
    log_files: dict[str, str] = Field(
        default_factory=dict, description="path of log files, with `*`, to the entity; empty: as line or file name say"
    )
    trace_files: tuple[str, ...] = Field(default=(), description="paths of OTLP JSON files, with `*`, for live traces")
    state_file: str = Field(
        default="", description="path of state as JSON lines, with `*`, such as a supervisor writes, for live state"
    )
    alertmanager_url: str = Field(default="", description="address of an Alertmanager, for alerts as live state")
    kubernetes_context: str = Field(
        default="", description="context of the kubeconfig, for live state, changes and logs; `current` for its own"
    )
    kubernetes_may_write: bool = Field(
        default=False, description="take a context whose user may write; what is sent is read-only either way"
    )
    argocd_url: str = Field(default="", description="address of an Argo CD, for live changes")
    flag_files: dict[str, str] = Field(
        default_factory=dict,
        description="flagd file in a checkout, or its http(s) address, to the entity; empty: as its flags say",
    )
    journal_units: dict[str, str] = Field(
        default_factory=dict,
        description="unit of this machine's journal, or `*`, to the entity; empty: the unit's name",
    )
    git_folders: tuple[Path, ...] = Field(default=(), description="checkouts whose commits and tags are live changes")
    github_url: str = Field(default="https://api.github.com", description="address of GitHub's API")
    github_repositories: dict[str, str] = Field(
        default_factory=dict, description="`owner/name` to the entity whose changes these are; empty: its own name"
    )
    gitlab_url: str = Field(default="https://gitlab.com", description="address of a GitLab")
    gitlab_projects: dict[str, str] = Field(
        default_factory=dict, description="`group/name` or number to the entity; empty: its own name"
    )
    datadog_url: str = Field(default="", description="address of Datadog's API, such as https://api.datadoghq.eu")
    datadog_api_key: SecretStr = Field(default=SecretStr(""), description="API key for Datadog")
    datadog_application_key: SecretStr = Field(
        default=SecretStr(""), description="application key for Datadog, best with scopes that read alone"
    )
    honeycomb_url: str = Field(
        default="", description="address of Honeycomb's API, for live metrics; each question leaves a query there"
    )
    honeycomb_dataset: str = Field(default="__all__", description="slug of the data set that holds the spans")
    honeycomb_api_key: SecretStr = Field(default=SecretStr(""), description="key that may manage and run queries")
    source_seconds: float = Field(
        default=10.0, gt=0, le=120, description="seconds that a source may stay silent; three times that in all"
    )
    source_requests_per_second: float = Field(default=20.0, gt=0, description="requests a second to one address")
    source_burst: int = Field(default=100, ge=1, description="requests at once to one address")
    source_failures: int = Field(default=5, ge=1, description="failures in a row after which an address rests")
    source_rest_seconds: float = Field(default=30.0, gt=0, description="seconds that it rests before it is tried again")
    webhook_secret: SecretStr = Field(default=SecretStr(""), description="secret of the alert webhook; empty closes it")
    webhook_secrets: dict[str, SecretStr] = Field(
        default_factory=dict, description="sender of alerts, such as grafana, to the secret of its webhook"
    )
    webhook_fields: dict[str, str] = Field(
        default_factory=dict, description="what is where in the payload of the generic webhook: our name to its path"
    )
    watch_at_once: int = Field(default=3, ge=1, description="investigations that workers have under way at once")
    watch_an_hour: int = Field(default=20, ge=1, description="investigations that workers begin in an hour")
    watch_storm: int = Field(default=50, ge=2, description="alerts in five minutes from which all go into one case")
    watch_lease_seconds: float = Field(
        default=60.0, gt=0, description="seconds after which a silent worker loses its case"
    )
    watch_tries: int = Field(default=3, ge=1, description="times that a case is taken up before it counts as failed")
    watch_in_lab: bool = Field(
        default=True, description="let the Jupyter server keep a worker beside it, where alerts can reach it"
    )
    watch_poll_seconds: float = Field(
        default=0.0, ge=0, description="seconds between looks at Alertmanager's own list of alerts; 0 leaves it alone"
    )
    anthropic_api_key: SecretStr = Field(default=SecretStr(""), description="key for the Claude reasoner")
    anthropic_base_url: str = Field(default="", description="another address for the Messages API")
    model: str = Field(default="claude-opus-5-5", description="model for hypotheses")
    budget_dollars: float = Field(default=1.0, ge=0, description="cap for one investigation, US dollars")
    budget_daily_dollars: float = Field(default=20.0, ge=0, description="cap for a day, US dollars")
    budget_monthly_dollars: float = Field(
        default=0.0,
        ge=0,
        description="committed for a month, US dollars, beside which `workbench usage` reports; 0: none",
    )
    budget_questions: int = Field(default=40, ge=1, description="questions for one investigation")
    budget_seconds: float = Field(default=300.0, gt=0, description="wall time for one investigation")
    threshold: float = Field(default=0.85, ge=0, le=1, description="confidence from which a finding is surfaced")
    thresholds: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(
        default_factory=dict,
        description="labels of an alert, such as `team=payments severity=critical`, to the threshold of its findings",
    )
    routes: dict[str, Route] = Field(
        default_factory=dict, description="labels of an alert to where it is told of, and the budget of its case"
    )
    trust: dict[str, Literal["narrow", "diagnose", "propose"]] = Field(
        default_factory=dict,
        description="name or kind of an entity, such as `Pipeline`, to its level: narrow, diagnose or propose",
    )
    public_url: str = Field(default="", description="address at which people reach the Jupyter server, for links")
    slack_token: SecretStr = Field(default=SecretStr(""), description="bot token of Slack, with the scope chat:write")
    slack_channel: str = Field(default="", description="id of the channel that findings are told in; empty: none")
    slack_url: str = Field(default="https://slack.com/api", description="address of Slack's Web API")
    smtp_host: str = Field(default="", description="mail server that findings are sent by")
    smtp_port: int = Field(default=587, ge=1, le=65535, description="its port: 587, with `tls` 465")
    smtp_security: Literal["starttls", "tls", "none"] = Field(default="starttls", description="how it is protected")
    smtp_user: str = Field(default="", description="user of the mail server; empty: no login")
    smtp_password: SecretStr = Field(default=SecretStr(""), description="password of that user")
    mail_from: str = Field(default="", description="sender of mails, such as `Workbench <workbench@example.org>`")
    mail_to: tuple[str, ...] = Field(default=(), description="whom findings are mailed to")
    notify_url: str = Field(default="", description="address that findings are posted to as JSON")
    notify_secret: SecretStr = Field(default=SecretStr(""), description="secret that signs what is posted there")

    @property
    def polls(self) -> bool:
        """Whether Alertmanager is asked what fires."""
        return bool(self.alertmanager_url and self.watch_poll_seconds)

    @property
    def alerts_come(self) -> bool:
        """Whether an alert can reach the queue: a webhook is open, or Alertmanager is asked."""
        return bool(self.webhook_secret.get_secret_value() or self.webhook_secrets or self.polls)

    @property
    def notebooks_folder(self) -> Path:
        """Where incident notebooks go."""
        return self.notebooks or self.home / "notebooks"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read arguments, then the environment, then the file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, home() / "settings.toml")


def load() -> Settings:
    """Return the settings as file and environment have them now; reading them takes a few milliseconds.

    Raises:
        BadInput: a value that cannot be used, named with its reason.
    """
    try:
        return Settings()
    except (ValidationError, ValueError) as error:
        detail = error.errors()[0] if isinstance(error, ValidationError) else {"loc": ("file",), "msg": str(error)}
        name = ".".join(str(part) for part in detail["loc"])
        raise BadInput(
            f"The setting {name!r} cannot be used: {detail['msg']}.",
            next_step=f"Correct WORKBENCH_{name.upper()} or {home() / 'settings.toml'}; see docs/settings.md.",
        ) from error
