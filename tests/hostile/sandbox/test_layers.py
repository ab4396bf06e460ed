"""Each layer forced to fail, in a process of its own: nothing runs, and the report says which layer and what to do."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from boxes import NOT_LINUX, PACKAGES, SYSTEM_PYTHON, system_python_serves_others
from fixloop.sandbox import layers
from fixloop.sandbox.run import Tier

pytestmark = [
    pytest.mark.skipif(NOT_LINUX, reason="these layers exist only on Linux"),
    pytest.mark.skipif(os.uname().machine != "x86_64", reason="written with the numbers of x86_64"),
]
as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can change what its children may do")
USER = 54321

# Calls that fail with an error: by number alone, or by the value of one argument.
CALLS = {
    "namespaces": {"refused": {"unshare": 272}},
    "Landlock": {"refused": {"landlock_create_ruleset": 444}},
    "Landlock at its last step": {"refused": {"landlock_restrict_self": 446}},
    "seccomp": {"judged": {"prctl": (157, 0, 22)}},
    "capabilities": {"refused": {"capset": 126}},
    "capabilities barred": {"judged": {"prctl": (157, 0, 28)}},
    "no_new_privs": {"judged": {"prctl": (157, 0, 38)}},
    "limits": {"refused": {"prlimit64": 302, "setrlimit": 160}},
    "network": {"judged": {"ioctl": (16, 1, 0x8914)}},
    "throw-away user": {"refused": {"setresuid": 117}},
    "throw-away group": {"refused": {"setresgid": 119}},
    "given files": {"refused": {"lchown": 94}},
}

PARENT = """
import errno, json, sys
from pathlib import Path
from fixloop.sandbox.jail import kernel, system_calls
from fixloop.sandbox.run import Job, Limits, Tier, choose_tier, run
asked = json.loads(sys.argv[1])
judged = asked["calls"].get("judged", {})
refused = asked["calls"].get("refused", {})
kernel.forbid_new_privileges()
kernel.filter_system_calls(system_calls.assemble(
    "x86_64",
    {name: (number, None) for name, (number, _, _) in judged.items()},
    {name: system_calls.refused_if(index, value) for name, (_, index, value) in judged.items()},
    [({name: (number, None) for name, number in refused.items()}, errno.EPERM)],
))
python = Path(asked["python"])
job = Job(
    argv=(str(python), "-I", "-S", "-c", "import os; os.write(4, b'ran')"), root=Path(asked["root"]), files={},
    visible=tuple(map(Path, asked["visible"])), tools=Path(asked["root"]), env={}, request=b"",
    limits=Limits(wall_seconds=30),
)
completed = run(job, Tier(asked["tier"]), lambda: False)
report = choose_tier(asked["sandbox"], python, job.visible)
print(json.dumps({
    "ended": completed.ended, "detail": completed.detail, "channel": completed.channel.decode(),
    "tier": report.tier, "refusal": report.refusal, "gaps": report.gaps,
    "layers": {layer.name: [layer.state, layer.why] for layer in report.layers},
}))
"""


@pytest.fixture
def public() -> Iterator[Path]:
    """A workspace and a place for temporary files that every user can enter."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name).resolve()
        folder.chmod(0o1777)
        (folder / "workspace").mkdir(mode=0o755)
        yield folder


def report(public: Path, tier: Tier, forced: str = "", sandbox: str = "auto", *before: str, user: int = 0) -> dict:
    """What a parent finds for which ``forced`` fails; ``before`` are words that start it."""
    own = tier is not Tier.ROOT and not user
    asked = {
        "calls": CALLS.get(forced, {}),
        "python": sys.executable if own else SYSTEM_PYTHON,
        "visible": [sys.prefix, sys.base_prefix] if own else [],
        "root": str(public / "workspace"),
        "tier": tier.value,
        "sandbox": sandbox,
    }
    argv = [*before, SYSTEM_PYTHON if user else sys.executable, "-c", PARENT, json.dumps(asked)]
    identity = {"user": user, "group": user, "extra_groups": []} if user else {}
    env = {"PYTHONPATH": str(PACKAGES), "TMPDIR": str(public), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(argv, cwd="/", env=env, capture_output=True, text=True, check=False, **identity)
    assert done.returncode == 0, done.stderr
    assert list(public.iterdir()) == [public / "workspace"]
    return json.loads(done.stdout)


EVERYWHERE = ("Landlock", "Landlock at its last step", "seccomp", "capabilities", "no_new_privs", "limits")
LAYERS = {
    Tier.FULL: (*EVERYWHERE, "namespaces", "capabilities barred", "network"),
    Tier.ROOT: (*EVERYWHERE, "capabilities barred", "throw-away user", "throw-away group", "given files"),
    Tier.REDUCED: EVERYWHERE,
}
NAMES = {  # how the report calls what is forced to fail, where it is called otherwise
    "Landlock at its last step": "Landlock",
    "capabilities barred": "capabilities",
    "no_new_privs": "capabilities",
    "throw-away group": "throw-away user",
    "given files": "throw-away user",
}


@as_root
@pytest.mark.parametrize(("tier", "forced"), [(tier, forced) for tier, names in LAYERS.items() for forced in names])
def test_a_layer_that_fails_means_that_nothing_is_run(public: Path, tier: Tier, forced: str) -> None:
    found = report(public, tier, forced)
    assert (found["ended"], found["channel"]) == ("not started", ""), found
    assert found["tier"] != tier.value
    if tier is Tier.FULL or found["tier"] == "refuse":
        name = NAMES.get(forced, forced)
        state, why = found["layers"][name]
        weaker_has_it = name in layers.LAYERS[Tier(found["tier"])]  # by other means, as the network
        assert state == ("works" if weaker_has_it else "refused"), found["layers"]
        assert bool(why) != weaker_has_it
        assert found["refusal"]


@as_root
@pytest.mark.parametrize("tier", LAYERS)
def test_without_force_each_tier_runs(public: Path, tier: Tier) -> None:
    found = report(public, tier)
    assert (found["ended"], found["channel"], found["tier"]) == ("exited", "ran", "full"), found
    assert {state for state, _ in found["layers"].values()} == {"works", "not used"}


@as_root
def test_root_without_namespaces_gets_a_throw_away_user(public: Path) -> None:
    found = report(public, Tier.ROOT, "namespaces")
    assert (found["ended"], found["tier"]) == ("exited", "root"), found
    assert found["layers"]["namespaces"][0] == "refused"
    assert found["layers"]["throw-away user"] == ["works", ""]
    assert "user namespaces" in found["refusal"] or "docker" in found["refusal"]


@as_root
@pytest.mark.parametrize(("sandbox", "tier"), [("auto", "refuse"), ("reduced", "reduced")])
def test_an_ordinary_user_without_namespaces_has_to_allow_the_reduced_tier(
    public: Path, sandbox: str, tier: str
) -> None:
    if not system_python_serves_others():
        pytest.skip("no Python that another user could run this code with")
    found = report(public, Tier.REDUCED, "namespaces", sandbox, user=USER)
    assert (found["ended"], found["tier"]) == ("exited", tier), found
    assert ("--sandbox reduced" in found["refusal"]) == (sandbox == "auto")
    assert ("Nothing was run." in found["refusal"]) == (sandbox == "auto")
    assert bool(found["gaps"]) == (sandbox == "reduced")


MOUNTS = {
    # As in a container: parts of /proc are covered, so that the kernel gives no fresh one.
    "fresh /proc": 'mount --bind /dev/null /proc/cpuinfo && exec "$@"',
    # The kernel lays no overlay over an overlay over an overlay.
    "overlay": """
folder=$(mktemp -d /run/fixloop-test-XXXXXX) && mount -t tmpfs tmpfs "$folder" && cd "$folder" &&
mkdir -p lower upper work middle upper2 work2 top && chmod 755 upper upper2 &&
mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work middle &&
mount -t overlay overlay -o lowerdir=middle,upperdir=upper2,workdir=work2 top &&
cd / && rmdir_later=$folder && TMPDIR="$folder/top" "$@"; status=$?
umount -R "$rmdir_later"; rmdir "$rmdir_later"; exit $status
""",
}


@as_root
@pytest.mark.skipif(shutil.which("unshare") is None, reason="a mount of the test's own needs unshare")
@pytest.mark.parametrize("layer", MOUNTS)
def test_a_mount_that_fails_is_a_layer_that_fails(public: Path, layer: str) -> None:
    found = report(public, Tier.FULL, "", "auto", "unshare", "--mount", "sh", "-c", MOUNTS[layer], "sh")
    assert found["tier"] != "full"
    assert found["layers"][layer][0] == "refused", found
