"""Settings from file and environment, and what is wrong with them in words."""

from __future__ import annotations

import subprocess
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from visavis.cli.serve import serve_command
from visavis.decision.policy import Policy
from visavis.errors import ServiceError
from visavis.ledger.log import Ledger
from visavis.packs.runtime import available_cores
from visavis.service import examination
from visavis.service.accounts import accounts, openid_settings
from visavis.service.config import Config, load, read

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


OPENSSL = ["openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-subj", "/CN=here", "-days", "2"]


def written(folder: Path, text: str) -> Path:
    file = folder / "service.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_nothing_set_is_safe() -> None:
    config = load(environ={})
    assert config == Config()
    assert (config.host, config.workers, config.tls_cert) == ("127.0.0.1", 1, None)
    assert config.where.endswith("service.sqlite")
    assert config.engine_count == available_cores()
    assert config.queue_length == available_cores()


def test_the_cores_are_shared() -> None:
    assert Config(workers=64).engine_count == 1
    assert Config(workers=64, engines=3).engine_count == 3
    assert Config(engines=3).queue_length == 3
    assert Config(engines=3, queue=0).queue_length == 0


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    file = written(
        tmp_path, 'port = 9000\nworkers = 2\nhost = "::1"\n[policy]\nfmr = 1e-5\nliveness = "assess"\n'
    )
    config = load(file, {"VISAVIS_SERVICE_PORT": "9001", "VISAVIS_HOME": "/nowhere"})
    assert (config.port, config.workers, config.host) == (9001, 2, "::1")
    assert config.policy == Policy(fmr=1e-5, liveness="assess")
    named = load(environ={"VISAVIS_SERVICE_CONFIG": str(file)})
    assert named.port == 9000
    in_json = load(environ={"VISAVIS_SERVICE_POLICY": '{"fmr": 1e-5}'})
    assert in_json.policy.fmr == 1e-5


@pytest.mark.parametrize(
    ("text", "environ", "said"),
    [
        ("port = 70000", {}, "port lies from 0 to 65535, not at 70000"),
        ("port = true", {}, "port is a number"),
        ("port = 80.5", {}, "port is a whole number"),
        ("header_s = nan", {}, "header_s lies from"),
        ("prot = 80", {}, "there is no setting 'prot'"),
        ("", {"VISAVIS_SERVICE_PROT": "80"}, "there is no setting 'prot'"),
        ("port = ", {}, "is no TOML"),
        ("host = 3", {}, "host is a text"),
        ('host = ""', {}, "host can't be empty"),
        ("[policy]\nfmr = 3", {}, "policy: fmr is out of range"),
        ("[policy]\nsearch = true", {}, "policy: a policy has no such rule"),
        ("policy = 3", {}, "policy is a table"),
        ("", {"VISAVIS_SERVICE_POLICY": "{"}, "policy in the environment is JSON"),
        ('tls_cert = "a"', {}, "tls_cert and tls_key go together"),
        ("picture_mib = 64\nbody_mib = 32", {}, "picture_mib is more than body_mib"),
        ("memory_mib = 32", {}, "body_mib is more than memory_mib"),
        ("desk = 1", {}, "desk is true or false"),
        ('desk_origin = "http://desk.example"', {}, "desk_origin is like https://desk.example"),
        ('desk_origin = "https://desk.example/pages"', {}, "desk_origin is like https://desk.example"),
        ('desk_origin = "https://user@desk.example"', {}, "desk_origin is like https://desk.example"),
        ('desk_origin = "https://desk.example:99999"', {}, "desk_origin is no address"),
        ('desk = true\nhost = "0.0.0.0"', {}, "desk_origin is needed"),
        ("desk_idle_minutes = 0", {}, "desk_idle_minutes lies from 1"),
        ("desk = true\ndesk_picture_days = 0.5", {}, "desk_picture_days is a whole number"),
        ("desk = true\ndesk_picture_days = 3661", {}, "desk_picture_days lies from 0 to 3660"),
        ("desk_picture_days = 30", {}, "desk_picture_days is for the desk, which is off"),
        ('desk_operator = "a\\nb"', {}, "desk_operator is one line of at most 100 characters"),
        (f'desk_contact = "{"a" * 201}"', {}, "desk_contact is one line of at most 200 characters"),
        ("desk_contact = 4", {}, "desk_contact is a text"),
        ('desk = true\nopenid_issuer = "https://id.example"', {}, "needs openid_issuer and openid_client"),
        ('openid_issuer = "https://id.example"\nopenid_client = "x"', {}, "is for the desk, which is off"),
        ('[openid_roles]\nboss = "clerk"', {}, "openid_claim and openid_roles go together"),
        ('[openid_roles]\nstaff = "boss"', {}, "there is no role 'boss'"),
        ("openid_roles = 3", {}, "openid_roles is a table"),
        ("", {"VISAVIS_SERVICE_OPENID_ROLES": "{"}, "openid_roles in the environment is JSON"),
        (None, {}, "can't be read"),
        ("\xff" * 2**20, {}, "larger than any configuration"),
    ],
)
def test_what_is_wrong_is_said(
    tmp_path: Path, text: str | None, environ: Mapping[str, str], said: str
) -> None:
    file = tmp_path / "none.toml" if text is None else written(tmp_path, text)
    config, wrong = read(file, environ)
    assert config is None
    assert any(said in sentence for sentence in wrong), wrong
    with pytest.raises(ServiceError) as caught:
        load(file, environ)
    assert caught.value.code == "serve.config"


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    _, wrong = read(written(tmp_path, "port = 0.5\nworkers = 0\nfoo = 1"), {})
    assert len(wrong) == 3


def test_a_desk_is_off_and_for_this_machine_until_somebody_says_otherwise(tmp_path: Path) -> None:
    config = load(environ={})
    assert (config.desk, config.origin) == (False, "http://127.0.0.1:8420")
    assert config.desk_picture_days == 0
    assert load(environ={"VISAVIS_SERVICE_DESK": "true", "VISAVIS_SERVICE_HOST": "::1"}).origin == (
        "http://[::1]:8420"
    )
    file = written(
        tmp_path,
        'desk = true\ndesk_origin = "https://Desk.example:8443/"\ndesk_hours = 8\n'
        'openid_issuer = "https://id.example"\nopenid_client = "desk"\nopenid_claim = "groups"\n'
        '[openid_roles]\nstaff = "clerk"\n',
    )
    config = load(file, {})
    assert (config.desk, config.origin) == (True, "https://desk.example:8443")
    settings = openid_settings(config)
    assert settings is not None
    assert settings.redirect == "https://desk.example:8443/desk/openid"
    assert (settings.secret, settings.roles) == (None, {"staff": "clerk"})
    from_environment = load(file, {"VISAVIS_SERVICE_OPENID_ROLES": '{"chiefs": "administrator"}'})
    assert from_environment.openid_roles == {"chiefs": "administrator"}


def test_who_stands_on_receipts(tmp_path: Path) -> None:
    file = written(tmp_path, 'desk_operator = " Bank, Main Street 1 "\ndesk_contact = ""\n')
    config = load(file, {})
    assert (config.desk_operator, config.desk_contact) == ("Bank, Main Street 1", None)
    assert load(file, {"VISAVIS_SERVICE_DESK_CONTACT": "privacy@bank.example"}).desk_contact == (
        "privacy@bank.example"
    )


def test_accounts_are_as_the_settings_say(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n", encoding="ascii")
    config = Config(
        desk=True,
        openid_issuer="https://id.example",
        openid_client="desk",
        openid_secret=str(secret),
        desk_hours=2,
    )
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        made = accounts(ledger, config)
        assert made.openid is not None
        assert made.openid.settings.secret == "s3cret"
        assert accounts(ledger, Config(desk=True)).openid is None
        user = made.users.of_openid("https://id.example", "1", name="anna", roles=frozenset({"clerk"}))
        session = made.sessions.sign_in_openid(user).session
        assert session is not None
        assert session.until - session.since == timedelta(hours=2)


def test_check_looks_at_the_openid_provider(checked: Any, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    given = {"DESK": "true", "OPENID_ISSUER": "http://127.0.0.1:1", "OPENID_CLIENT": "desk"}
    code, said = checked(**given, OPENID_SECRET=str(secret))
    assert code == 64
    assert f"wrong: OpenID: the file {str(secret)!r} can't be read" in said
    secret.write_text("s3cret", encoding="ascii")
    secret.chmod(0o644)
    code, said = checked()
    assert code == 64
    assert "wrong: openid_secret: others may read" in said
    secret.chmod(0o600)
    code, said = checked()
    assert code == 0, said
    assert "note:  the OpenID provider: it can't be reached" in said


@pytest.fixture
def checked(tmp_path: Path, sface: object, monkeypatch: pytest.MonkeyPatch) -> Any:
    def check(*options: str, **environ: str) -> tuple[int, str]:
        for name, value in environ.items():
            monkeypatch.setenv(f"VISAVIS_SERVICE_{name}", value)
        result = CliRunner().invoke(serve_command, ["--check", *options])
        assert not isinstance(result.exception, Exception) or isinstance(result.exception, SystemExit)
        return result.exit_code, result.output

    monkeypatch.setenv("VISAVIS_SERVICE_DATABASE", str(tmp_path / "service.sqlite"))
    for name in (
        "PORT",
        "HOST",
        "WORKERS",
        "CONFIG",
        "TLS_CERT",
        "TLS_KEY",
        "DOORS",
        "MOSIP_KEY_FILE",
    ):  # what an option would set
        monkeypatch.setenv(f"VISAVIS_SERVICE_{name}", "x")
        monkeypatch.delenv(f"VISAVIS_SERVICE_{name}")
    return check


def test_check_finds_nothing_where_nothing_is(checked: Any, tmp_path: Path) -> None:
    code, said = checked()
    assert (code, said.splitlines()[-1]) == (0, "Nothing is wrong.")
    assert not (tmp_path / "service.sqlite").exists()  # looking makes nothing
    Ledger.open(tmp_path / "service.sqlite").close()
    assert checked()[0] == 0


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"PACK": "nonsense"}, "nonsense"),
        ({"CALIBRATION": "/nowhere.json"}, "nowhere.json"),
        ({"TRUST": "/nowhere"}, "nowhere"),
        ({"POLICY": '{"fmr": 1e-9}'}, "so small a false match rate"),
        ({"TLS_CERT": "/nowhere", "TLS_KEY": "/nowhere"}, "can't be read"),
        ({"DATABASE": "mysql://here"}, "the address of the database can't be used"),
        ({"DATABASE": "/dev/null/a.sqlite"}, "can't be made"),
        ({"PORT": "none"}, "port is a number"),
    ],
)
def test_check_says_what_is_wrong(checked: Any, environ: dict[str, str], said: str) -> None:
    code, output = checked(**environ)
    assert code == 64
    assert said in output, output
    assert output.startswith("wrong: ")


def test_check_says_what_to_keep_in_mind(checked: Any) -> None:
    code, output = checked(
        HOST="0.0.0.0",
        VERDICT_HOURS="0",
        DESK="true",
        DESK_ORIGIN="https://d.example",
        DESK_PICTURE_DAYS="30",
    )
    assert code == 0
    assert "desk_picture_days is 30: the desk keeps the pictures of each check" in output
    assert "there is no TLS" in output
    assert "verdict_hours is 0" in output


def test_a_certificate_and_its_key(tmp_path: Path) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    made = subprocess.run(
        [*OPENSSL, "-keyout", str(key), "-out", str(cert)],
        capture_output=True,
        check=False,
    )
    if made.returncode != 0:
        pytest.skip("needs openssl")
    key.chmod(0o600)
    config = Config(tls_cert=str(cert), tls_key=str(key))
    assert list(examination._tls(config)) == []
    key.chmod(0o644)
    assert "others may read" in next(examination._tls(config))
    key.write_text("no key")
    assert "no certificate with its key" in next(examination._tls(config))


def test_doors_are_a_list_or_names_with_commas(tmp_path: Path) -> None:
    file = tmp_path / "service.toml"
    file.write_text('doors = ["mosip"]\n', encoding="utf-8")
    assert load(file, {}).doors == ("mosip",)
    assert load(None, {"VISAVIS_SERVICE_DOORS": "facepp, mosip,facepp"}).doors == ("facepp", "mosip")
    with pytest.raises(ServiceError, match="no door 'back'"):
        load(None, {"VISAVIS_SERVICE_DOORS": "back"})
    file.write_text("doors = 1\n", encoding="utf-8")
    with pytest.raises(ServiceError, match="list of names"):
        load(file, {})


@pytest.mark.parametrize(
    ("given", "port"),
    [
        ({}, 8420),
        ({"DOORS": "mosip"}, 9099),
        ({"DOORS": "mosip", "PORT": "1234"}, 1234),
        ({"DOORS": "facepp"}, 8420),
        ({"DOORS": "mosip,facepp"}, 8420),
    ],
)
def test_who_comes_to_the_only_door_finds_it_where_it_is_expected(given: dict[str, str], port: int) -> None:
    config = load(None, {f"VISAVIS_SERVICE_{name}": value for name, value in given.items()})
    assert config.listening_port == port


def test_under_which_key_calls_of_mosip_run(checked: Any, tmp_path: Path) -> None:
    code, output = checked("--door", "mosip")
    assert code == 0
    assert "note:  at the door mosip every call has to show a key" in output
    file = tmp_path / "key"
    code, output = checked("--door", "mosip", MOSIP_KEY_FILE=str(file))
    assert (code, "mosip_key_file: the key's file" in output) == (64, True)
    file.write_text("hush hush")
    file.chmod(0o600)
    code, output = checked("--door", "mosip")
    assert (code, "holds no key" in output, "hush" in output) == (64, True, False)
    file.write_text(f"vv_{'a' * 12}_{'b' * 43}\n")
    code, output = checked("--door", "mosip")
    assert code == 0
    assert f"run under the one in {str(file)!r}: whoever reaches the port may ask" in output
    assert "vv_" not in output
    assert "others may read" not in output
    file.chmod(0o644)
    assert "others may read" in checked("--door", "mosip", "--mosip-key-file", str(file))[1]


def test_a_key_for_a_door_that_is_shut(checked: Any, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"vv_{'a' * 12}_{'b' * 43}\n")
    file.chmod(0o600)
    assert "mosip_key_file is set, and the door mosip isn't open" in checked(MOSIP_KEY_FILE=str(file))[1]
