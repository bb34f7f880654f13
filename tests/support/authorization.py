"""What AWS asks a policy before it does a request: actions on resources, each with its condition keys.

MiniStack reads requests to S3 and decides by a policy. For EC2 it asks for one resource and knows no tags,
so all resources of a request are collected here: Service Authorization Reference, "Actions defined by Amazon
EC2" and "… by AWS Identity and Access Management". In doubt, more is asked than AWS asks.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from ministack.core import iam_actions as ministack
from ministack.core.iam_evaluator import EvalContext, evaluate, parse_policy_document

from pipeline.servers.localstack import ACCOUNT, REGION, LocalStack
from tests.support.clouds import client_of

KINDS = {
    "vpc": "vpc",
    "subnet": "subnet",
    "igw": "internet-gateway",
    "rtb": "route-table",
    "sg": "security-group",
    "vol": "volume",
    "i": "instance",
    "eipalloc": "elastic-ip",
    "eni": "network-interface",
    "snap": "snapshot",
    "ami": "image",
}
"""The kind of a resource of EC2, by the beginning of its identifier."""
NEW = {
    "RunInstances": ("instance", "volume", "network-interface"),
    "CreateVpc": ("vpc",),
    "CreateSubnet": ("subnet",),
    "CreateInternetGateway": ("internet-gateway",),
    "CreateRouteTable": ("route-table",),
    "CreateSecurityGroup": ("security-group",),
    "CreateVolume": ("volume",),
    "CreateSnapshot": ("snapshot",),
    "AllocateAddress": ("elastic-ip",),
    "AuthorizeSecurityGroupIngress": ("security-group-rule",),
    "AuthorizeSecurityGroupEgress": ("security-group-rule",),
}
"""What a request creates."""
WITHOUT_ACCOUNT = ("image", "snapshot")
"""Kinds whose ARN names no account."""
ALWAYS = ("sts:GetCallerIdentity",)
"""No policy is asked: AWS STS API Reference, GetCallerIdentity."""
ID = re.compile(rf"({'|'.join(KINDS)})-[0-9a-f]{{8,17}}")


@dataclass(frozen=True)
class Request:
    """A request that a client of AWS has sent.

    Args:
        method: of HTTP.
        target: path and query.
        headers: their names in lower case.
        body: as it was sent.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def region(self) -> str:
        """The region for which it was signed."""
        return self._scope[0]

    @property
    def service(self) -> str:
        """The service for which it was signed."""
        return self._scope[1]

    @property
    def _scope(self) -> tuple[str, str]:
        signed = re.search(r"Credential=[^/]*/\d+/([^/]*)/([^/]*)/", self.headers.get("authorization", ""))
        return (signed[1], signed[2]) if signed else ("nowhere", "unsigned")

    @property
    def path(self) -> str:
        return unquote(urlsplit(self.target).path)

    @property
    def values(self) -> dict[str, str]:
        """The arguments in the query, and those in the body of services that have them there."""
        query = urlsplit(self.target).query
        body = "" if self.service == "s3" else self.body.decode()
        return dict(parse_qsl(f"{query}&{body}", keep_blank_values=True))

    @property
    def action(self) -> str:
        return str(ministack.extract_iam_action(*self._parts))

    @property
    def _parts(self) -> tuple[Any, ...]:
        return self.service, self.method, self.path, dict(self.headers), self.body, self.values

    @property
    def resource(self) -> str:
        """The one resource that MiniStack names."""
        return str(ministack.extract_resource_arn(*self._parts, self.region, ACCOUNT))

    @property
    def more(self) -> list[tuple[str, str]]:
        """What a request to S3 needs besides."""
        return ministack.s3_additional_checks(*self._parts[1:3], *self._parts[3:])

    def tags(self, prefix: str) -> dict[str, str]:
        """The tags in arguments whose names begin in some way."""
        keys = re.compile(rf"({prefix})\.Key")
        found = {match[1]: value for name, value in self.values.items() if (match := keys.fullmatch(name))}
        return {tag: self.values.get(f"{at}.Value", "") for at, tag in found.items()}


@dataclass(frozen=True)
class Check:
    """An action on a resource.

    Args:
        action: as policies name it, such as "ec2:CreateVpc".
        resource: its ARN.
        keys: condition keys, in lower case.
    """

    action: str
    resource: str
    keys: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        """The check in a line."""
        tags = {name: value for name, value in self.keys.items() if "tag" in name}
        return f"{self.action} on {self.resource} {tags}"


def allows(policy: str, check: Check, region: str = REGION) -> bool:
    """Let MiniStack decide."""
    caller = f"arn:aws:iam::{ACCOUNT}:user/deployer"
    asked = EvalContext(caller, "User", ACCOUNT, check.action, check.resource, region)
    asked = replace(asked, service_context=dict(check.keys))
    return bool(evaluate(asked, [parse_policy_document(policy)]).decision == "Allow")


def checks(request: Request, aws: LocalStack) -> Iterable[Check]:
    """Return everything that must be allowed.

    Args:
        request: what was sent.
        aws: the emulator behind, which knows the tags.
    """
    if request.action in ALWAYS:
        return []
    if request.service == "ec2":
        return list(_of_ec2(request, aws))
    if request.service == "iam":
        return list(_of_iam(request))
    more = [Check(*each) for each in request.more] if request.service == "s3" else []
    return [Check(request.action, request.resource), *more]


def _of_iam(request: Request) -> Iterator[Check]:
    role = _iam("role", request.values.get("RoleName"))
    profile = _iam("instance-profile", request.values.get("InstanceProfileName"))
    tags = _request_tags(request.tags(r"Tags\.member\.\d+"))
    yield Check(request.action, profile or role or request.resource, tags)
    if request.action == "iam:AddRoleToInstanceProfile":
        yield _pass(role)
    if tags and request.action.startswith("iam:Create"):
        yield Check("iam:TagInstanceProfile" if profile else "iam:TagRole", profile or role, tags)


def _iam(kind: str, name: str | None) -> str:
    return f"arn:aws:iam::{ACCOUNT}:{kind}/{name}" if name else ""


def _pass(role: str) -> Check:
    return Check("iam:PassRole", role, {"iam:passedtoservice": "ec2.amazonaws.com"})


def _of_ec2(request: Request, aws: LocalStack) -> Iterator[Check]:
    name = request.action.removeprefix("ec2:")
    if name.startswith("Describe"):
        yield Check(request.action, "*")
        return
    wanted = _request_tags(request.tags(r"(?:TagSpecification\.\d+\.)?Tag\.\d+"))
    for resource, tags in _existing(request, aws):
        yield Check(request.action, resource, {**wanted, **tags})
    for kind in NEW.get(name, ()):
        tags = _request_tags(_tags_of_new(request, kind))
        yield Check(request.action, _arn(request, kind, "*"), tags)
        if tags:
            yield Check("ec2:CreateTags", _arn(request, kind, "*"), {**tags, "ec2:createaction": name})
    if name == "ImportKeyPair" and wanted:
        yield Check("ec2:CreateTags", _key_pair(request), {**wanted, "ec2:createaction": name})
    if profile := request.values.get("IamInstanceProfile.Name"):
        for role in _roles(aws, profile):
            yield _pass(role)


def _existing(request: Request, aws: LocalStack) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the resources that a request names, each with its tags as condition keys."""
    ec2 = client_of(aws, "ec2")
    for name in _identifiers(request, ec2):
        kind = KINDS[name.partition("-")[0]]
        filters = [{"Name": "resource-id", "Values": [name]}]
        yield _arn(request, kind, name), _resource_tags(ec2.describe_tags(Filters=filters)["Tags"])
    if pair := request.values.get("KeyName"):
        filters = [{"Name": "key-name", "Values": [pair]}]
        found = ec2.describe_key_pairs(Filters=filters)["KeyPairs"]
        yield _key_pair(request), _resource_tags(found[0].get("Tags", []) if found else [])


def _identifiers(request: Request, ec2: Any) -> set[str]:
    """Return the identifiers in a request, and for one of an association that of what is associated."""
    named = {value for value in request.values.values() if ID.fullmatch(value)}
    association = request.values.get("AssociationId", "")
    if association.startswith("rtbassoc-"):
        filters = [{"Name": "association.route-table-association-id", "Values": [association]}]
        named |= {each["RouteTableId"] for each in ec2.describe_route_tables(Filters=filters)["RouteTables"]}
    if association.startswith("eipassoc-"):
        filters = [{"Name": "association-id", "Values": [association]}]
        named |= {each["AllocationId"] for each in ec2.describe_addresses(Filters=filters)["Addresses"]}
    return named


def _tags_of_new(request: Request, kind: str) -> dict[str, str]:
    """Return the tags that a request gives to what it creates of a kind."""
    kinds = re.compile(r"(TagSpecification\.\d+)\.ResourceType")
    named = {name for name, value in request.values.items() if value == kind}
    at = {match[1] for name in named if (match := kinds.fullmatch(name))}
    return {tag: value for each in at for tag, value in request.tags(rf"{re.escape(each)}\.Tag\.\d+").items()}


def _arn(request: Request, kind: str, name: str) -> str:
    account = "" if kind in WITHOUT_ACCOUNT else ACCOUNT
    return f"arn:aws:ec2:{request.region}:{account}:{kind}/{name}"


def _key_pair(request: Request) -> str:
    return _arn(request, "key-pair", request.values["KeyName"])


def _request_tags(tags: Mapping[str, str]) -> dict[str, Any]:
    keys: dict[str, Any] = {f"aws:requesttag/{name}".lower(): value for name, value in tags.items()}
    return {**keys, "aws:tagkeys": list(tags)} if tags else {}


def _resource_tags(tags: Iterable[Mapping[str, str]]) -> dict[str, str]:
    return {f"aws:resourcetag/{each['Key']}".lower(): each["Value"] for each in tags}


def _roles(aws: LocalStack, profile: str) -> list[str]:
    found = client_of(aws, "iam").get_instance_profile(InstanceProfileName=profile)
    return [role["Arn"] for role in found["InstanceProfile"]["Roles"]]
