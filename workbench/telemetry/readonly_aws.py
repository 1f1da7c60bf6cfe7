"""AWS sessions that can only read: every operation is refused unless it stands on the list.

The check hangs on the two events that every call of `boto3` passes: before a request is signed (a presigned address
never leaves either) and before it is sent, where the HTTP request itself must say the same operation that the list
allows. Nothing on the list returns a secret, an object or a message.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import botocore.session
from botocore.awsrequest import AWSPreparedRequest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ProfileNotFound

from ontology.errors import NotAllowed, NotFound, Unavailable
from workbench.telemetry.pace import AGAIN, Paces

READS: Mapping[str, frozenset[str]] = {
    "dynamodb": frozenset({"ListTables"}),
    "ec2": frozenset(
        {
            "DescribeAvailabilityZones",
            "DescribeInstances",
            "DescribeRegions",
            "DescribeSecurityGroups",
            "DescribeSubnets",
            "DescribeVpcs",
        }
    ),
    "eks": frozenset({"DescribeCluster", "DescribeNodegroup", "ListClusters", "ListNodegroups"}),
    "elasticache": frozenset({"DescribeCacheClusters", "DescribeCacheSubnetGroups", "DescribeReplicationGroups"}),
    "elastic-load-balancing-v2": frozenset(
        {"DescribeLoadBalancers", "DescribeTargetGroups", "DescribeTargetHealth"},
    ),
    "lambda": frozenset({"ListEventSourceMappings", "ListFunctions"}),
    "rds": frozenset({"DescribeDBClusters", "DescribeDBInstances"}),
    "route-53": frozenset({"GetHostedZone", "ListHostedZones", "ListResourceRecordSets"}),
    "s3": frozenset({"GetBucketLocation", "ListBuckets"}),
    "sns": frozenset({"ListSubscriptions", "ListTopics"}),
    "sqs": frozenset({"ListQueues"}),
    "sts": frozenset({"GetCallerIdentity"}),
}
"""Service (as its events name it) to the operations that may be sent."""
CREDENTIALS: Mapping[str, frozenset[str]] = {
    "sts": frozenset({"AssumeRole", "AssumeRoleWithWebIdentity"}),
    "sso": frozenset({"GetRoleCredentials"}),
    "sso-oidc": frozenset({"CreateToken"}),
}
"""What the default credential chain itself sends: it changes nothing in an account."""
CONFIG = Config(
    connect_timeout=5,
    read_timeout=20,
    retries={"mode": "standard", "max_attempts": 4},
    user_agent_extra="incident-workbench",
)
"""Limits in seconds; 429 and 5xx are tried again with a growing wait by the library."""


def session(profile: str = "", paces: Paces | None = None) -> boto3.Session:
    """Return a session for a profile; the default chain of credentials where it is empty.

    Args:
        profile: its name.
        paces: which have the pace of each endpoint; of its own where None.

    Raises:
        NotFound: there is no such profile.
        Unavailable: there are no credentials.
    """
    core = botocore.session.get_session()
    core.set_default_client_config(CONFIG)
    try:
        made = boto3.Session(botocore_session=core, profile_name=profile or None)
        made.events.register_first("before-sign", _signs)
        made.events.register_last("before-send", _sends)
        hold = _Held(paces or Paces())
        made.events.register_last("before-send", hold.sends)
        made.events.register_last("response-received", hold.received)
        known = made.get_credentials()
    except ProfileNotFound as error:
        raise NotFound(
            f"The AWS configuration has no profile {profile!r}.", next_step="List them: aws configure list-profiles."
        ) from error
    except BotoCoreError as error:
        raise Unavailable(
            f"AWS credentials cannot be had: {error}.", next_step="Try: aws sts get-caller-identity."
        ) from error
    if known is None:
        raise Unavailable(
            "There are no AWS credentials.",
            next_step="Set AWS_PROFILE, or run: aws configure sso (a read-only role is enough).",
        )
    return made


def _signs(event_name: str, **_: Any) -> None:
    """Refuse to sign what is off the list."""
    service, operation = _named(event_name)
    if operation not in READS.get(service, frozenset()) | CREDENTIALS.get(service, frozenset()):
        raise _refused(service, operation)


def _sends(event_name: str, request: AWSPreparedRequest, **_: Any) -> None:
    """Refuse to send what is off the list, or what says another operation on the wire than its name here."""
    _signs(event_name)
    service, operation = _named(event_name)
    if operation in READS.get(service, frozenset()) and not _says(request, operation):
        raise _refused(service, operation)


class _Held:
    """Keeps the pace of each endpoint; the library itself tries again."""

    def __init__(self, paces: Paces) -> None:
        self._paces, self._hosts = paces, dict[str, str]()

    def sends(self, event_name: str, request: AWSPreparedRequest, **_: Any) -> None:
        """Let a request pass when its turn comes.

        Raises:
            Unavailable: the endpoint rests.
        """
        url = urlsplit(request.url)
        base = self._hosts[event_name.partition(".")[2]] = f"{url.scheme}://{url.netloc}"
        self._paces.of(base).admit()

    def received(self, event_name: str, response_dict: Any = None, exception: Any = None, **_: Any) -> None:
        """Note how it went; what we refused ourselves says nothing of the endpoint."""
        base = self._hosts.get(event_name.partition(".")[2])
        if base is None or isinstance(exception, NotAllowed | Unavailable):
            return
        status = int((response_dict or {}).get("status_code") or 0)
        if exception is None and status not in AGAIN:
            self._paces.of(base).went_well()
        else:
            self._paces.of(base).failed(f"it answered {status}" if status else type(exception).__name__)


def _named(event_name: str) -> tuple[str, str]:
    """Return service and operation of an event such as `before-send.ec2.DescribeVpcs`."""
    _, _, rest = event_name.partition(".")
    service, _, operation = rest.partition(".")
    return service, operation


def _says(request: AWSPreparedRequest, operation: str) -> bool:
    """Say whether the HTTP request carries this very operation, in the way of its protocol.

    REST reads are GET; the query, JSON and RPC protocols are POST and name the operation in the form, in a header or
    in the path. https://smithy.io/2.0/aws/protocols
    """
    url = urlsplit(request.url)
    if request.method == "GET":
        return "Action" not in parse_qs(url.query)
    if request.method != "POST":
        return False
    if url.path.startswith("/service/"):
        return str(url.path).endswith(f"/operation/{operation}")
    target = request.headers.get("X-Amz-Target")
    if target is not None:
        text = target.decode() if isinstance(target, bytes) else str(target)
        return text.rpartition(".")[2] == operation
    body = request.body or b""
    return parse_qs(body.decode() if isinstance(body, bytes) else str(body)).get("Action") == [operation]


def _refused(service: str, operation: str) -> NotAllowed:
    return NotAllowed(
        f"The read-only session does not send {service}:{operation}.",
        next_step="Only listed reads are sent; see workbench/telemetry/readonly_aws.py.",
    )
