"""The machines that a plan is made for."""

from pydantic import Field, model_validator

from eapo_verl.settings.base import Settings


class Machine(Settings):
    """What a plan is made for. All of it can be said otherwise.

    Attributes:
        gpu_memory: of one accelerator, GB (an H100: 80).
        gpus: of all roles together; 0: the fewest that they fit on.
        node: accelerators of a node, which a job finds together.
        training: TFLOP/s of one in training, at worst and at best (a quarter to nearly a half of an H100's 989).
        generation: of one in an engine, 10^12 parameters times tokens a second, at worst and at best. Published are, of
            Qwen3-14B and 32B on one H100 in vLLM, tokens read and written: 5,800 to 10,600 and 2,100 to 4,000 a second.
        price: of an hour of one accelerator; None: no bill.
    """

    gpu_memory: float = Field(80.0, gt=0)
    gpus: int = Field(0, ge=0)
    node: int = Field(8, ge=1)
    training: tuple[float, float] = (250.0, 450.0)
    generation: tuple[float, float] = (65.0, 150.0)
    price: float | None = Field(None, gt=0)

    @model_validator(mode="after")
    def _ranges(self) -> "Machine":
        for key in ("training", "generation"):
            low, high = getattr(self, key)
            if not 0 < low <= high:
                raise ValueError(f"{key}: {low:g} to {high:g} is no range of rates above 0, the lower one first")
        return self
