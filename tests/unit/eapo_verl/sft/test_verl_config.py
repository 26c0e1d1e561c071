"""A run's settings as verl's configuration."""

from pathlib import Path

import pytest

from eapo_verl.settings import placement
from eapo_verl.settings.verl_keys import SFT, check_keys
from eapo_verl.sft.verl_config import compose, overrides, processes
from tests.unit.eapo_verl.sft.conftest import Make


@pytest.mark.engine  # imports verl
def test_verls_configuration_holds_the_run(settings: Make, tmp_path: Path) -> None:
    lora = {"rank": 4, "alpha": 8, "targets": ["q_proj"], "learning_rate_factor": 3.0}
    verl = {"optim.betas": [0.8, 0.9], "trainer.n_gpus_per_node": 2}
    run = settings(supervised={"learning_rate": 1e-3, "lora": lora, "verl": verl})
    config = compose(run, tmp_path, "cpu")
    assert (config.data.train_batch_size, config.trainer.total_training_steps, config.trainer.save_freq) == (2, 6, 4)
    assert config.data.max_length == 48 and config.trainer.total_epochs == 1 and config.trainer.device == "cpu"
    assert config.optim.lr == pytest.approx(3e-3) and config.optim.betas == [0.8, 0.9]
    assert (config.model.lora_rank, config.model.lora_alpha, config.model.target_modules) == (4, 8, ["q_proj"])
    assert config.engine.strategy == "fsdp2" and config.engine.mixed_precision.param_dtype == "fp32"
    assert not config.engine.use_torch_compile and not config.model.use_remove_padding
    assert processes(run) == 2


def test_all_weights_are_tuned_at_the_rate_itself_and_a_gpu_keeps_verls_precision(
    settings: Make, tmp_path: Path
) -> None:
    made = overrides(settings(supervised={"learning_rate": 1e-3}), tmp_path, "gpu")
    assert "++optim.lr=0.001" in made and processes(settings()) == 1
    assert not any("lora" in one or "mixed_precision" in one for one in made)


def test_what_settings_state_cannot_be_set_beside_them(settings: Make, tmp_path: Path) -> None:
    lora = settings(supervised={"lora": {}})
    for one in overrides(lora, tmp_path, "gpu"):
        key = one.removeprefix("++").partition("=")[0]
        if key in ("trainer.logger", placement.SFT.tokens):  # a default, which an experiment may replace
            continue
        with pytest.raises(ValueError, match=r"the experiment states it|the program itself sets it"):
            check_keys({key: 1}, SFT)
