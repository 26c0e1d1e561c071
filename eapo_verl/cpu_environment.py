"""Environment variables for engines on a machine without an accelerator; measured by benchmarks/training_step.py.

Imports nothing: what starts an engine in a process of its own sets these before that process imports torch.
"""

ENVIRONMENT = {
    # Small models: waking a second thread costs more than it does (a training run has training.engine_threads).
    "OMP_NUM_THREADS": "1",
    # TransferQueue resizes torch's thread pool at every access, and warns where it asks for more threads than cores.
    "TQ_NUM_THREADS": "1",
    # vLLM would pin its worker to cores of its choice, which are busy if two jobs share a machine.
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    # GiB for the key-value cache, instead of half the memory.
    "VLLM_CPU_KVCACHE_SPACE": "1",
    # Allows the worker inside the engine's process (distributed_executor_backend "uni"): one process less to start.
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
}
