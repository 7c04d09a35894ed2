"""Code and commands that serve what was exported; none names a place on this machine."""

from __future__ import annotations

import json
import shlex

from advisor.schema.export import ExportJob, Snippet

QUESTION = "Good morning."
"""Asked by the examples: it is nobody's data."""


def messages_of(job: ExportJob) -> str:
    """The turns of an example, as Python and JSON write them."""
    system = [{"role": "system", "content": job.instruction}] if job.instruction else []
    turns = [*system, {"role": "user", "content": QUESTION}]
    return json.dumps(turns, ensure_ascii=False)


def by_transformers(job: ExportJob, folder: str = ".", *, is_adapter: bool = False) -> Snippet:
    """One answer of a model's folder, by plain transformers; of an adapter, by peft."""
    opener = "AutoPeftModelForCausalLM" if is_adapter else "AutoModelForCausalLM"
    imports = (
        "from peft import AutoPeftModelForCausalLM\nfrom transformers import AutoTokenizer"
        if is_adapter
        else "from transformers import AutoModelForCausalLM, AutoTokenizer"
    )
    text = f"""\
{imports}

folder = {json.dumps(folder)}
tokenizer = AutoTokenizer.from_pretrained(folder)
model = {opener}.from_pretrained(folder)
messages = {messages_of(job)}
prompt = tokenizer.apply_chat_template(
    messages, add_generation_prompt=True, return_dict=True, return_tensors="pt"
).to(model.device)
answer = model.generate(**prompt, max_new_tokens={job.max_new_tokens}, do_sample=False)
start = prompt["input_ids"].shape[1]
print(tokenizer.decode(answer[0, start:], skip_special_tokens=True))
"""
    libraries = "peft" if is_adapter else "transformers"
    return Snippet(
        title=f"One answer by {libraries}, in the exported folder",
        language="python",
        text=text,
        was_run=False,
    )


def by_curl(job: ExportJob, base_url: str) -> Snippet:
    """One answer of a server that speaks OpenAI's interface."""
    body = (
        f'{{"model": {json.dumps(job.name)}, "messages": {messages_of(job)},'
        f' "max_tokens": {job.max_new_tokens}, "temperature": 0}}'
    )
    text = (
        f"curl {base_url}/chat/completions -H 'Content-Type: application/json' \\\n"
        f"  -d {shlex.quote(body)}\n"
    )
    return Snippet(title="One answer of the running server", text=text)
