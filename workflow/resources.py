"""What an experiment's jobs may use: the part ``resources`` of its file."""

from pydantic import Field

from eapo_verl.settings.base import Settings
from workflow.expert_service.slurm_job import Share


class Resources(Settings):
    """What one job may use; numbers of Snakemake's, which also Slurm is asked for."""

    training_threads: int = Field(1, ge=1)
    training_memory_mb: int = Field(8000, ge=1)
    training_gpus: int = Field(0, ge=0)
    #: Of a run of reinforcement learning; threads, memory and accelerators are those of each.
    training_nodes: int = Field(1, ge=1)
    sampling_threads: int = Field(1, ge=1)
    sampling_memory_mb: int = Field(4000, ge=1)
    sampling_gpus: int = Field(0, ge=0)
    experts_threads: int = Field(1, ge=1)
    experts_memory_mb: int = Field(4000, ge=1)
    experts_gpus: int | None = Field(None, ge=0)
    minutes: int = Field(120, ge=1)

    def experts(self) -> Share:
        """What a job that serves the experts may use; as many accelerators as they take where others have any."""
        gpus = 0 if self.experts_gpus is None and not self.has_accelerators else self.experts_gpus
        return Share(threads=self.experts_threads, memory_mb=self.experts_memory_mb, gpus=gpus)

    @property
    def has_accelerators(self) -> bool:
        """Whether it is for machines with accelerators."""
        return bool(self.training_gpus or self.sampling_gpus or self.experts_gpus)
