"""Ports, folders and secrets of a checkout."""

import json
import os
import socket
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from devstack import ports
from devstack.errors import AlreadyRunning, DevstackError, PortBusy
from devstack.generated_secrets import load_or_generate
from devstack.ports import free_port, require_free
from devstack.processes import Identity, identity_of
from devstack.servers.server import most_telling
from devstack.settings import settings_from
from devstack.state import RunningServer, StackState, StateFile, make_folder
from devstack.topology import build_topology, gateway_variables


def test_an_offset_moves_every_port() -> None:
    default, moved = settings_from({}).ports, settings_from({"COGEP_PORT_OFFSET": "100"}).ports
    names = default.__dataclass_fields__
    assert {getattr(moved, n) - getattr(default, n) for n in names} == {100}


def test_one_port_can_be_named() -> None:
    settings = settings_from({"COGEP_PORT_OFFSET": "100", "COGEP_GATEWAY_PORT": "9000"})
    assert settings.gateway_url == "http://localhost:9000"
    assert settings.issuer == "http://localhost:9000/auth"


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"COGEP_PORT_OFFSET": "many"}, "COGEP_PORT_OFFSET must be a whole number"),
        ({"COGEP_PORT_OFFSET": "60000"}, "choose another offset"),
        ({"COGEP_AI_SVC_REPLICAS": "0"}, "COGEP_AI_SVC_REPLICAS must be 1 to 8"),
        ({"ENVIRONMENT": "production"}, "for development"),
    ],
)
def test_what_cannot_be_used_is_one_clear_line(environ: dict[str, str], message: str) -> None:
    with pytest.raises(DevstackError, match=message) as caught:
        settings_from(environ)
    assert "\n" not in str(caught.value)


def test_a_busy_port_names_its_holder_and_a_way_out() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(PortBusy, match=rf"Port {port} \(gateway\).*COGEP_PORT_OFFSET"):
            require_free(port, "gateway")
    require_free(port, "gateway")


def test_a_port_taken_on_ipv6_only_is_busy() -> None:
    try:
        holder = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("this machine has no IPv6")
    with holder, pytest.raises(PortBusy, match="in use"):
        require_free(holder.getsockname()[1], "gateway")


def test_secrets_are_generated_once_and_readable_by_nobody_else(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    first, second = load_or_generate(tmp_path), load_or_generate(tmp_path)
    other = load_or_generate(elsewhere)
    assert first == second
    assert first.passwords != other.passwords
    assert set(first.internal_keys.values()).isdisjoint(other.internal_keys.values())
    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600


def test_secrets_of_an_older_checkout_get_what_is_missing_and_keep_the_rest(tmp_path: Path) -> None:
    first = load_or_generate(tmp_path)
    file = tmp_path / "secrets.json"
    older = json.loads(file.read_text())
    del older["field_key"], older["blind_index_key"]
    file.write_text(json.dumps(older))

    second, third = load_or_generate(tmp_path), load_or_generate(tmp_path)

    assert second == third
    assert (second.passwords, second.internal_keys) == (first.passwords, first.internal_keys)
    assert second.field_key != second.blind_index_key
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_only_core_api_gets_the_keys_of_sealed_fields(tmp_path: Path) -> None:
    secrets = load_or_generate(tmp_path)
    topology = build_topology(settings_from({"COGEP_STATE_DIR": str(tmp_path)}), secrets)

    holders = [
        server.name
        for server in (topology.core_api, topology.ai_svc, topology.worker_svc, topology.oidc)
        if secrets.field_key in str(server.environment())
    ]

    assert holders == ["core-api"]


def test_services_get_the_tenant_roles_and_nobody_gets_the_owner(tmp_path: Path) -> None:
    settings = settings_from({"COGEP_STATE_DIR": str(tmp_path), "OPENAI_API_KEY": "theirs"})
    secrets = load_or_generate(tmp_path)
    topology = build_topology(settings, secrets)
    core = topology.core_api.environment()
    assert "cogep_app:" in core["DATABASE_URL"]
    assert "cogep_worker:" in core["DATABASE_WORKER_URL"]
    assert core["OPENAI_API_KEY"] == "theirs"
    assert core["INTERNAL_KEY"] == secrets.internal_keys["core-api"]
    assert "DATABASE_OWNER_URL" not in core
    assert secrets.passwords.owner not in str(core)
    assert secrets.passwords.superuser not in str(core)


def test_the_provider_holds_no_key_to_anything_else(tmp_path: Path) -> None:
    settings = settings_from({"COGEP_STATE_DIR": str(tmp_path)})
    oidc = build_topology(settings, load_or_generate(tmp_path)).oidc.environment()
    assert not [name for name in oidc if name.startswith(("DATABASE_", "REDIS_", "INTERNAL_"))]
    assert oidc["OIDC_ISSUER"] == settings.issuer


def test_the_gateway_gets_no_secret(tmp_path: Path) -> None:
    settings = settings_from({"COGEP_STATE_DIR": str(tmp_path), "OPENAI_API_KEY": "theirs"})
    assert "theirs" not in str(gateway_variables(settings))


def test_the_gateway_knows_every_replica_and_each_is_a_server_of_its_own(tmp_path: Path) -> None:
    settings = settings_from({"COGEP_STATE_DIR": str(tmp_path), "COGEP_AI_SVC_REPLICAS": "3"})
    topology = build_topology(settings, load_or_generate(tmp_path))

    urls = gateway_variables(settings)["GATEWAY_AI_SVC_URLS"].split(",")

    replicas = (topology.ai_svc, *topology.ai_svc_replicas)
    assert urls == [f"http://127.0.0.1:{server.port}" for server in replicas]
    assert [server.name for server in replicas] == ["ai-svc", "ai-svc-2", "ai-svc-3"]
    assert len({server.log for server in replicas}) == 3
    assert len({server.port for server in topology.all()}) == len(topology.all())
    assert len({server.environment()["INTERNAL_KEY"] for server in replicas}) == 1


def test_another_terminal_finds_the_replicas_of_a_running_stack(tmp_path: Path) -> None:
    myself = identity_of(os.getpid())
    assert myself is not None
    settings = settings_from({"COGEP_STATE_DIR": str(tmp_path)})
    servers = [
        RunningServer(name, port, myself, 15) for name, port in (("ai-svc", 1), ("ai-svc-2", 2))
    ]
    state = StackState(myself, True, servers, settings.ports, 18)

    assert state.applied_to(settings).ai_svc_replicas == (2,)


def test_only_one_supervisor_holds_a_folder(tmp_path: Path) -> None:
    with StateFile(tmp_path).held():
        assert StateFile(tmp_path).is_held()
        with pytest.raises(AlreadyRunning), StateFile(tmp_path).held():
            pass
    assert not StateFile(tmp_path).is_held()


def test_state_survives_a_round_trip_and_damage(tmp_path: Path) -> None:
    file = StateFile(tmp_path)
    servers = [RunningServer("redis", 1, Identity(3, 4.0), 15)]
    state = StackState(Identity(1, 2.0), True, servers, settings_from({}).ports, 18)
    file.write(state)
    assert file.read() == state
    (tmp_path / "state.json").write_text('{"supervisor": ')
    assert file.read() == StackState()


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DevstackError, match="Cannot write to") as caught:
        make_folder(tmp_path / "file" / "state")
    assert "\n" not in str(caught.value)


def test_no_port_is_given_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(ports, "_FOR_TESTS", range(20_000, 20_040))
    ours = {free_port() for _ in range(20)}
    assert len(ours) == 20
    asking = """
from devstack import ports
ports._FOR_TESTS = range(20_000, 20_040)
print(*(ports.free_port() for _ in range(10)))
"""
    told = subprocess.run(
        [sys.executable, "-c", asking],
        env=os.environ | {"TMPDIR": str(tmp_path)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert not ours & set(map(int, told.stdout.split()))


def test_a_free_port_is_free_until_somebody_listens() -> None:
    port = free_port()
    require_free(port, "anything")

    with (
        socket.create_server(("127.0.0.1", port)),
        pytest.raises(PortBusy, match=f"{port} .anything"),
    ):
        require_free(port, "anything")


@pytest.mark.parametrize(
    ("lines", "telling"),
    [
        ([], "no output"),
        (["hello", "bye"], "bye"),
        (["configuration error: OIDC_ISSUER is missing", "bye"], "configuration error"),
        (['{"event":"not ready","error":"refused"}'], "not ready refused"),
        (["{not json error"], "{not json error"),
        (
            [
                '{"level":"error","exception":"Traceback\\n  File x\\nValueError: no model"}',
                '{"event":"Application startup failed. Exiting.","level":"error"}',
            ],
            "ValueError: no model",
        ),
        (
            [
                '{"event":"[Errno 98] address already in use","level":"error"}',
                '{"event":"Shutdown complete.","level":"info","logger":"uvicorn.error"}',
            ],
            "[Errno 98]",
        ),
    ],
)
def test_the_most_telling_line_is_chosen(lines: list[str], telling: str) -> None:
    assert most_telling(lines).startswith(telling)
