"""The Keycloak realm gives tokens the claims the development provider gives them."""

import json
from typing import Any

import pytest
from infra_files import INFRA

from devstack.oidc.clients import single_page_app
from devstack.oidc.settings import settings_from
from devstack.people import PEOPLE, Person
from shared_schemas.actor import TokenClaims
from shared_schemas.permissions import Role

# What Keycloak 26's built-in client scopes put into an access token; `nbf` is not among them.
BUILT_IN = {
    "basic": {"sub"},
    "profile": {"name", "preferred_username"},
    "email": {"email"},
    "roles": {"realm_access"},
}
ALWAYS = {"iss", "iat", "exp", "jti", "azp", "sid", "scope", "typ"}


def load(name: str) -> dict[str, Any]:
    return dict(json.loads((INFRA / "keycloak" / name).read_text("utf-8")))


@pytest.fixture(scope="module")
def realm() -> dict[str, Any]:
    return load("cogep-realm.json")


@pytest.fixture(scope="module")
def client(realm: dict[str, Any]) -> dict[str, Any]:
    [found] = [each for each in realm["clients"] if each["clientId"] == "cogep-spa"]
    return dict(found)


def mapped_claims(client: dict[str, Any]) -> set[str]:
    """Claims the client's own mappers write into access tokens."""
    mappers = [each["config"] for each in client["protocolMappers"]]
    written = [each for each in mappers if each["access.token.claim"] == "true"]
    return {each.get("claim.name", "aud") for each in written}


def test_access_tokens_carry_every_claim_services_rely_on(client: dict[str, Any]) -> None:
    built_in = set().union(*(BUILT_IN.get(scope, set()) for scope in client["defaultClientScopes"]))

    issued = ALWAYS | built_in | mapped_claims(client)

    assert set(TokenClaims.model_fields) | {"iss", "aud", "iat", "jti"} <= issued


def test_the_audience_is_the_one_services_expect(client: dict[str, Any]) -> None:
    [mapper] = [
        each["config"]
        for each in client["protocolMappers"]
        if each["protocolMapper"] == "oidc-audience-mapper"
    ]

    assert mapper["included.custom.audience"] == settings_from({}).audience
    assert mapper["id.token.claim"] == "false"


@pytest.mark.parametrize("claim", ["org_id", "org"])
def test_the_organization_comes_from_an_attribute_people_cannot_change(
    realm: dict[str, Any], client: dict[str, Any], claim: str
) -> None:
    [mapper] = [
        each["config"]
        for each in client["protocolMappers"]
        if each["config"].get("claim.name") == claim
    ]
    [provider] = realm["components"]["org.keycloak.userprofile.UserProfileProvider"]
    profile = json.loads(provider["config"]["kc.user.profile.config"][0])
    [attribute] = [
        each for each in profile["attributes"] if each["name"] == mapper["user.attribute"]
    ]

    assert attribute["permissions"]["edit"] == ["admin"]
    assert attribute["required"]["roles"] == ["admin"]
    assert mapper["jsonType.label"] == "String"
    # Enabled, it would let people invent attributes, and the realm ignore the permissions.
    assert profile.get("unmanagedAttributePolicy") is None


def test_roles_are_ours_and_only_ours(realm: dict[str, Any], client: dict[str, Any]) -> None:
    named = {role["name"] for role in realm["roles"]["realm"]}
    [mapping] = realm["scopeMappings"]

    assert named == {role.value for role in Role} == set(mapping["roles"])
    assert client["fullScopeAllowed"] is False


def test_the_client_is_public_with_the_code_flow_and_s256_only(client: dict[str, Any]) -> None:
    assert client["publicClient"] is True
    assert client["standardFlowEnabled"] is True
    assert client["attributes"]["pkce.code.challenge.method"] == "S256"
    for flow in ("implicitFlowEnabled", "directAccessGrantsEnabled", "serviceAccountsEnabled"):
        assert client[flow] is False


def test_redirects_are_the_ones_of_the_development_provider(client: dict[str, Any]) -> None:
    address = "https://assist.example.org"
    ours = single_page_app(address)

    redirects = {uri.replace("${COGEP_PUBLIC_URL}", address) for uri in client["redirectUris"]}

    assert redirects == ours.redirect_uris
    assert not any("*" in uri for uri in redirects)


def test_lifetimes_and_rotation_are_those_of_the_development_provider(
    realm: dict[str, Any],
) -> None:
    ours = settings_from({})

    assert realm["accessCodeLifespan"] == ours.code_lifetime.total_seconds()
    assert realm["accessTokenLifespan"] == ours.access_token_lifetime.total_seconds()
    assert realm["ssoSessionIdleTimeout"] == ours.refresh_token_lifetime.total_seconds()
    assert realm["ssoSessionMaxLifespan"] == ours.session_lifetime.total_seconds()
    assert realm["revokeRefreshToken"] is True
    assert realm["refreshTokenMaxReuse"] == 0
    assert realm["defaultSignatureAlgorithm"] == "RS256"


def test_guessing_passwords_is_slowed_down(realm: dict[str, Any]) -> None:
    assert realm["bruteForceProtected"] is True
    assert realm["registrationAllowed"] is False


def test_the_realm_holds_nobody_and_no_secret(realm: dict[str, Any]) -> None:
    text = json.dumps(realm)

    assert "users" not in realm
    for secret in ("privateKey", '"secret"', "credentials", "secretData"):
        assert secret not in text


@pytest.mark.parametrize("person", PEOPLE.values(), ids=PEOPLE)
def test_the_sample_people_are_the_same_and_cannot_log_in_yet(person: Person) -> None:
    users = {user["username"]: user for user in load("cogep-development-users.json")["users"]}
    user = users[person.username]

    assert user["id"] == str(person.sub)
    assert user["email"] == person.email
    assert f"{user['firstName']} {user['lastName']}" == person.name
    assert user["attributes"]["org_id"] == [str(person.organization.id)]
    assert user["attributes"]["org"] == [person.organization.slug]
    assert user["realmRoles"] == [role.value for role in person.roles]
    assert "credentials" not in user
    assert set(users) == set(PEOPLE)
