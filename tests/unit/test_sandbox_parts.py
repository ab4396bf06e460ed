"""The parts of the sandbox that are plain computation: rules, numbers, layers, choices, what is remembered."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from fixloop.sandbox import layers, tiers
from fixloop.sandbox.gaps import GAPS, gaps_of
from fixloop.sandbox.jail import landlock, seatbelt, stranger
from fixloop.sandbox.jail.order import Refused
from fixloop.sandbox.job import Tier
from fixloop.sandbox.layers import Machine, State, layer_of, remedy
from fixloop.sandbox.remembered import Remembered, cache_folder
from fixloop.sandbox.tiers import choose
from fixloop.sandbox.trial import Failure

# Version -> rights on files, and the whole attribute as the kernel of that version takes it.
RULESETS = {
    1: (0x1FFF, ()),
    2: (0x3FFF, ()),
    3: (0x7FFF, ()),
    4: (0x7FFF, (3,)),
    5: (0xFFFF, (3,)),
    6: (0xFFFF, (3, 3)),
    7: (0xFFFF, (3, 3)),
    99: (0xFFFF, (3, 3)),
}


@pytest.mark.parametrize("version", RULESETS)
def test_a_rule_set_asks_for_what_its_version_knows(version: int) -> None:
    rights, others = RULESETS[version]
    assert landlock.rights(version) == rights
    layout = f"{1 + len(others)}Q"
    assert struct.unpack(layout, landlock.ruleset(version, shared=True)) == (rights, *others)
    assert struct.unpack(layout, landlock.ruleset(version, shared=False)) == (rights, *(0 for _ in others))


# What a user namespace maps -> first and last number to choose from; None: there is none.
NUMBERS = [
    ([(0, 4294967295)], (1_999_950_000, 1_999_999_999)),
    ([(0, 65536)], (15_536, 65_535)),
    ([(0, 1), (1, 65536)], (15_537, 65_536)),
    ([(0, 20000)], (10_000, 19_999)),
    ([(0, 1)], None),
    ([(0, 1), (100000, 10)], (100_000, 100_009)),
    ([], None),
]


@pytest.mark.parametrize(("mapped", "expected"), NUMBERS)
def test_a_throw_away_number_is_the_highest_there_is(
    mapped: list[tuple[int, int]], expected: tuple[int, int] | None
) -> None:
    found = stranger.candidates(mapped)
    assert ((found[0], found[-1]) if found else None) == expected


@pytest.mark.parametrize(("number", "free"), [(99, True), (100, False), (109, False), (110, True), (65534, False)])
def test_a_number_of_somebody_is_not_free(number: int, free: bool) -> None:
    assert stranger.is_free(number, [(100, 10)]) is free


def test_a_profile_of_macos_names_what_is_allowed_and_nothing_else() -> None:
    text = seatbelt.profile(['/opt/it\'s "here"'], ["/private/tmp/copy"])
    assert text.startswith("(version 1)\n(deny default)\n")
    assert '(allow file-read* file-map-executable (subpath "/opt/it\'s \\"here\\""))' in text
    assert '(allow file-write* (subpath "/private/tmp/copy"))' in text
    assert "network" not in text
    assert text.count("(") == text.count(")")
    assert '(subpath "/")' not in text


def test_a_path_that_would_end_its_line_in_a_profile_is_refused() -> None:
    with pytest.raises(Refused):
        seatbelt.profile(["/a\n(allow default)"], [])


TOLD = {
    "The sandbox could not be set up: new namespaces: Operation not permitted.": layers.NAMESPACES,
    "The sandbox could not be set up: mount proc on /proc/proc: Operation not permitted.": layers.PROC,
    "The sandbox could not be set up: mount overlay on /x: Invalid argument.": layers.OVERLAY,
    "The sandbox could not be set up: mount tmpfs on /proc: Operation not permitted.": layers.NAMESPACES,
    "The sandbox could not be set up: python could not be started: limit 2: denied.": layers.LIMITS,
    "The sandbox could not be set up: Landlock: restrict this process: Invalid argument.": layers.LANDLOCK,
    "The sandbox could not be set up: filter system calls: Invalid argument.": layers.SECCOMP,
    "The sandbox could not be set up: drop capabilities: Operation not permitted.": layers.CAPABILITIES,
    "The sandbox could not be set up: loopback interface: Operation not permitted.": layers.NETWORK,
    "The sandbox could not be set up: throw-away user: /root is closed to other users.": layers.USER,
    "The sandbox could not be set up: python could not be started: No such file or directory.": None,
    "": None,
}


@pytest.mark.parametrize("detail", TOLD)
def test_a_refusal_names_its_layer(detail: str) -> None:
    assert layer_of(detail) == TOLD[detail]


DEBIAN = {"kernel/unprivileged_userns_clone": "0"}
UBUNTU = {"kernel/unprivileged_userns_clone": "1", "kernel/apparmor_restrict_unprivileged_userns": "1"}
NONE_LEFT = {"user/max_user_namespaces": "0"}
REMEDIES: list[tuple[str | None, Machine, str]] = [
    (layers.NAMESPACES, Machine(1000, "6.1", container=False, settings=DEBIAN), "unprivileged_userns_clone=1"),
    (layers.NAMESPACES, Machine(1000, "6.8", container=False, settings=UBUNTU), "AppArmor"),
    (layers.NAMESPACES, Machine(1000, "5.14", container=False, settings=NONE_LEFT), "max_user_namespaces=15000"),
    (layers.NAMESPACES, Machine(1000, "6.8", container=False), "CONFIG_USER_NS"),
    (layers.NAMESPACES, Machine(0, "6.8", container=True, settings=DEBIAN), "--security-opt seccomp=unconfined"),
    (layers.PROC, Machine(0, "6.8", container=True), "systempaths=unconfined"),
    (layers.PROC, Machine(0, "6.8", container=False), "mounted over parts of /proc"),
    (layers.LANDLOCK, Machine(0, "5.4", container=False), "lsm="),
    (layers.CAPABILITIES, Machine(0, "6.8", container=True), "--cap-add SETPCAP"),
    (None, Machine(0, "6.8", container=True), "fixloop doctor"),
]


@pytest.mark.parametrize(("layer", "machine", "expected"), REMEDIES)
def test_a_remedy_is_what_this_machine_needs(layer: str | None, machine: Machine, expected: str) -> None:
    assert expected in remedy(layer, machine)


MACHINE = Machine(1000, "6.8", container=False)
NO_NAMESPACES = Failure(layers.NAMESPACES, "new namespaces: Operation not permitted")


def only(*working: Tier) -> Callable[[Tier], Failure | None]:
    return lambda tier: None if tier in working else NO_NAMESPACES


def test_the_strongest_tier_that_works_is_chosen() -> None:
    tiers = (Tier.FULL, Tier.ROOT, Tier.REDUCED)
    assert choose(tiers, only(*tiers), MACHINE).tier is Tier.FULL
    report = choose(tiers, only(Tier.REDUCED), MACHINE, "reduced")
    states = {layer.name: layer.state for layer in report.layers}
    assert (report.tier, report.gaps) == (Tier.REDUCED, GAPS[Tier.REDUCED])
    assert (states[layers.NAMESPACES], states[layers.LANDLOCK]) == (State.REFUSED, State.WORKS)
    assert states[layers.USER] is State.NOT_USED
    assert "CONFIG_USER_NS" in report.refusal


def test_where_none_works_nothing_is_run_and_the_choice_is_told() -> None:
    report = choose((Tier.FULL,), only(), MACHINE)
    assert report.tier is Tier.REFUSE
    assert "--sandbox reduced" in report.refusal
    assert report.refusal.endswith("Nothing was run.")
    assert "--sandbox reduced" not in choose((Tier.FULL, Tier.REDUCED), only(), MACHINE, "reduced").refusal


def test_where_no_tier_exists_the_way_out_is_told() -> None:
    report = choose((), only(), MACHINE)
    assert report.tier is Tier.REFUSE
    assert "WSL2" in report.refusal


def test_the_gaps_are_found_by_the_name_in_a_result() -> None:
    assert gaps_of("reduced") == GAPS[Tier.REDUCED] != ()
    assert gaps_of(None) == gaps_of("unheard of") == ()


KEY = {"boot": "1", "user": "0"}


def test_what_worked_is_remembered_by_its_key(tmp_path: Path) -> None:
    folder = tmp_path / "cache" / "fixloop"
    Remembered(folder, KEY).add("full")
    assert Remembered(folder, KEY).has("full")
    assert not Remembered(folder, KEY).has("root")
    assert not Remembered(folder, {**KEY, "boot": "2"}).has("full")
    assert (folder / "sandbox.json").stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    Remembered(folder, KEY).add("root")
    assert Remembered(folder, KEY).has("full")
    Remembered(folder, {**KEY, "boot": "2"}).add("full")
    assert not Remembered(folder, KEY).has("full")
    assert [path.name for path in folder.iterdir()] == ["sandbox.json"]


def damaged(file: Path) -> None:
    file.write_text(file.read_text()[:-1])


def other_shape(file: Path) -> None:
    file.write_text(json.dumps({"key": KEY, "works": 7}))


def list_instead(file: Path) -> None:
    file.write_text("[]")


def linked(file: Path) -> None:
    file.rename(file.with_name("elsewhere"))
    file.symlink_to(file.with_name("elsewhere"))


def open_to_others(file: Path) -> None:
    file.chmod(0o622)


def open_folder(file: Path) -> None:
    file.parent.chmod(0o777)


def linked_folder(file: Path) -> None:
    file.parent.rename(file.parent.with_name("elsewhere"))
    file.parent.symlink_to(file.parent.with_name("elsewhere"))


def pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def foreign(file: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can give files away")
    os.chown(file, 54321, 54321)


def deep(file: Path) -> None:
    file.write_text("[" * 60_000)


SPOILED = [damaged, other_shape, list_instead, linked, open_to_others, open_folder, linked_folder, pipe, foreign, deep]


@pytest.mark.parametrize("spoil", SPOILED, ids=lambda spoil: spoil.__name__)
def test_a_file_that_cannot_be_trusted_is_as_good_as_none(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    folder = tmp_path / "fixloop"
    Remembered(folder, KEY).add("full")
    spoil(folder / "sandbox.json")
    assert not Remembered(folder, KEY).has("full")
    Remembered(folder, KEY).add("full")  # no error either


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in (None, tmp_path / "file" / "fixloop"):
        Remembered(folder, KEY).add("full")
        assert not Remembered(folder, KEY).has("full")


CACHES = [
    ({"XDG_CACHE_HOME": "/c", "HOME": "/h"}, Path("/c/fixloop")),
    ({"XDG_CACHE_HOME": "relative", "HOME": "/h"}, Path("/h/.cache/fixloop")),
    ({"HOME": "/h"}, Path("/h/.cache/fixloop")),
    ({}, None),
]


@pytest.mark.parametrize(("environ", "expected"), CACHES)
def test_the_cache_is_where_caches_are(environ: dict[str, str], expected: Path | None) -> None:
    assert cache_folder(environ) == expected


def test_nothing_is_remembered_inside_the_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(tiers, "attempt", lambda *_: None)
    tiers.choose_tier(root=tmp_path.resolve())
    assert list(tmp_path.iterdir()) == []
    tiers.choose_tier(root=tmp_path.resolve() / "workspace")
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]
