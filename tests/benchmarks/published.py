"""A handful of published runs, each with its source, in the columns of the evidence table."""

FITCHECK = {
    "id": "fitcheck-016",
    "model": "Qwen/Qwen2.5-1.5B-Instruct",
    "method": "lora",
    "rank": "32",
    "target_modules": "q,k,v,o",
    "weights_dtype": "fp16",
    "compute_dtype": "fp16",
    "optimizer": "adamw (fp32 states)",
    "micro_batch": "1",
    "seq_len": "2048",
    "grad_accum": "1",
    "grad_checkpointing": "yes",
    "attention": "sdpa (mem-efficient)",
    "parallelism": "single",
    "num_gpus": "1",
    "gpu": "Tesla T4 (14912 MiB)",
    "framework": "fitcheck measure.py / torch 2.10.0+cu128, transformers 5.0.0, peft 0.19.1",
    "peak_gib": "7.229",
    "mem_kind": "allocated",
    "source": "fitcheck-llm 0.3.1, data/measurements/t4-phase3-2026-09-16.json",
    "notes": "",
    "quality": "A",
    "source_key": "fitcheck",
}
_FMS = {
    "model": "mistralai/Mistral-7B-v0.1",
    "rank": "16",
    "target_modules": "q,k,v,o",
    "weights_dtype": "bf16",
    "compute_dtype": "bf16",
    "optimizer": "adamw_torch (HF default, foreach)",
    "micro_batch": "4",
    "seq_len": "4096",
    "grad_accum": "1",
    "grad_checkpointing": "yes",
    "attention": "flash2",
    "gpu": "A100-80GB",
    "framework": "HF Trainer/trl SFTTrainer + fms-acceleration (torch 2.4.1, transformers 4.48.1)",
    "mem_kind": "allocated",
    "source": "foundation-model-stack/fms-acceleration scripts/benchmarks/refs/a100_80gb.csv",
    "notes": "framework_config=none; HF mixed_precision flag=none",
    "quality": "A",
    "source_key": "fms-packed",
}
FMS_FULL = _FMS | {
    "id": "fms-full-2",
    "method": "full",
    "parallelism": "fsdp2 (full_shard, BACKWARD_PRE)",
    "num_gpus": "2",
    "peak_gib": "33.738",
}
FMS_LORA = _FMS | {
    "id": "fms-lora-2",
    "method": "lora",
    "parallelism": "fsdp2 (full_shard, BACKWARD_PRE)",
    "num_gpus": "2",
    "peak_gib": "20.452",
}
FMS_LORA_ALONE = FMS_LORA | {
    "id": "fms-lora-1",
    "parallelism": "single",
    "num_gpus": "1",
    "peak_gib": "24.871",
}
FMS_OOM = FMS_FULL | {
    "model": "NousResearch/Llama-2-70b-hf",
    "peak_gib": "",
    "framework": "",
    "id": "fms-oom",
}
ROWS = (FITCHECK, FMS_FULL, FMS_LORA, FMS_LORA_ALONE)

_LLAMA = {"source": "litgpt config.py", "notes": "total reproduced by the layer formula"}
CONFIGS = {
    row["model"]: row
    for row in (
        _LLAMA
        | {
            "model": "Qwen/Qwen2.5-1.5B-Instruct",
            "hidden_size": "1536",
            "num_layers": "28",
            "num_heads": "12",
            "num_kv_heads": "2",
            "head_dim": "128",
            "intermediate_size": "8960",
            "vocab_size": "151936",
            "tie_embeddings": "yes",
            "total_params": "1543714304",
        },
        _LLAMA
        | {
            "model": "mistralai/Mistral-7B-v0.1",
            "hidden_size": "4096",
            "num_layers": "32",
            "num_heads": "32",
            "num_kv_heads": "8",
            "head_dim": "128",
            "intermediate_size": "14336",
            "vocab_size": "32000",
            "tie_embeddings": "no",
            "total_params": "7241732096",
        },
        _LLAMA
        | {
            "model": "NousResearch/Llama-2-70b-hf",
            "hidden_size": "8192",
            "num_layers": "80",
            "num_heads": "64",
            "num_kv_heads": "8",
            "head_dim": "128",
            "intermediate_size": "28672",
            "vocab_size": "32000",
            "tie_embeddings": "no",
            "total_params": "68976648192",
        },
    )
}
MIXTRAL = _LLAMA | {
    "model": "mistralai/Mixtral-8x7B-Instruct-v0.1",
    "hidden_size": "4096",
    "num_layers": "32",
    "num_heads": "32",
    "num_kv_heads": "8",
    "head_dim": "128",
    "intermediate_size": "14336",
    "vocab_size": "32000",
    "tie_embeddings": "no",
    "total_params": "46702792704",
    "notes": "8 experts, 2 active",
}
