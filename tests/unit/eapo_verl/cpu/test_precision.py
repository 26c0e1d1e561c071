"""What a CPU computes in, read from what the kernel says about it."""

from pathlib import Path

import pytest

from eapo_verl.cpu.precision import cpu_precision, instruction_set

ZEN_3 = "fpu sse4_1 sse4_2 avx f16c avx2 bmi2 sha_ni vaes"
ICE_LAKE = f"{ZEN_3} avx512f avx512dq avx512bw avx512vl avx512_vnni"
ZEN_4 = f"{ICE_LAKE} avx512_bf16"
SAPPHIRE_RAPIDS = f"{ZEN_4} amx_bf16 amx_tile amx_int8"


def described(folder: Path, flags: str, key: str = "flags\t\t") -> Path:
    path = folder / "cpuinfo"
    path.write_text(f"processor\t: 0\nmodel name\t: some CPU\n{key}: {flags}\nbugs\t\t: avx512_bf16\n\n" * 2)
    return path


@pytest.mark.parametrize(
    ("flags", "name"),
    [(ZEN_3, "avx2"), (ICE_LAKE, "avx512"), (ZEN_4, "avx512_bf16"), (SAPPHIRE_RAPIDS, "amx_bf16")],
)
def test_the_widest_instruction_set_is_named(flags: str, name: str, tmp_path: Path) -> None:
    assert instruction_set(described(tmp_path, flags)) == name


def test_arm_processors_have_features_instead_of_flags(tmp_path: Path) -> None:
    assert instruction_set(described(tmp_path, "fp asimd sve i8mm bf16", key="Features\t")) == "neon_bf16"
    assert instruction_set(described(tmp_path, "fp asimd aes", key="Features\t")) == "neon"


def test_a_processor_that_says_nothing_is_called_by_its_architecture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    assert instruction_set(tmp_path / "missing") == "riscv64"
    assert instruction_set(described(tmp_path, "rv64imafdc")) == "riscv64"


@pytest.mark.parametrize("requested", ["float32", "auto"])
def test_a_cpu_computes_in_float32_whatever_it_can_do(
    requested: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cpu_precision(requested, described(tmp_path, SAPPHIRE_RAPIDS)) == "float32"
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("flags", [ZEN_4, SAPPHIRE_RAPIDS])
def test_bfloat16_is_used_where_it_is_asked_for_and_multiplied(
    flags: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cpu_precision("bfloat16", described(tmp_path, flags)) == "bfloat16"
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("flags", "name"), [(ZEN_3, "avx2"), (ICE_LAKE, "avx512")])
def test_where_it_would_be_emulated_float32_is_used_and_one_line_says_so(
    flags: str, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cpuinfo = described(tmp_path, flags)
    assert [cpu_precision("bfloat16", cpuinfo) for _ in range(3)] == ["float32"] * 3
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "bfloat16" in said and f"({name})" in said and "float32 is used" in said


def test_another_precision_is_refused() -> None:
    with pytest.raises(ValueError, match="'float16' is unknown; allowed are auto, bfloat16, float32"):
        cpu_precision("float16")
