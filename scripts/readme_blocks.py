"""README's tables, each from one result file of benchmarks/results."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def percent(share: float | None) -> str:
    """A share as a percentage with one decimal, or a dash."""
    return "-" if share is None else f"{100 * share:.1f} %"


def demo_block(found: dict[str, Any]) -> str:
    """One row per bundled task: scores, verdicts, time."""
    builders = ("zero_shot", "few_shot", "rag")
    rest = ["best of the others", "tuned", "gate", "verification", "advice", "time"]
    head = ["task", "target", *builders, *rest]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for task in found["tasks"]:
        others = {name: v for name, v in task["baselines"].items() if name not in builders}
        best = max(others, key=others.__getitem__, default="")
        scores = [percent(task["baselines"].get(name)) for name in builders]
        scores.append(f"{percent(others[best])} ({best})" if best else "-")
        row = [
            task["task"],
            percent(task.get("target")),
            *scores,
            percent(task["tuned"]),
            f"**{task['gate']}**",
            task["verification"] or "-",
            task["recommended"],
            f"{task['seconds']:.0f} s",
        ]
        lines.append("| " + " | ".join(row) + " |")
    lines.append(f"\nMeasured {found['measured']} with the embedded model on {found['machine']}.")
    return "\n".join(lines) + "\n"


def startup_block(found: dict[str, Any]) -> str:
    """One row per command: median wall time and peak memory."""
    lines = ["| command | median | peak memory |", "| --- | --- | --- |"]
    lines += [
        f"| `{name}` | {figure['wall_seconds']:.2f} s | {figure['peak_mib']:.0f} MiB |"
        for name, figure in found["commands"].items()
    ]
    lines.append(
        f"\nMedian of {found['runs']} runs, {found['measured']}, {found['machine']}, "
        f"Python {found['python']}."
    )
    return "\n".join(lines) + "\n"


VIEWS = {
    "one GPU, allocated": "core, one GPU, allocated, grade A",
    "one and several GPUs, each in its tier": "core",
}


def memory_block(found: dict[str, Any]) -> str:
    """One row per view and method: runs, errors, how often the interval held."""
    head = ["published runs", "method", "n", "median error", "90th percentile", "in the interval"]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for title, view in VIEWS.items():
        by_method = found[view].get("all", found[view])
        by_method = by_method if "median_abs" not in by_method else found[view]
        for method in ("all", "full", "lora", "qlora"):
            score = by_method[method]
            row = [title, method, str(score["n"]), percent(score["median_abs"])]
            row += [percent(score["p90_abs"]), percent(score["coverage"])]
            lines.append("| " + " | ".join(row) + " |")
    out, done = found["fit"]["oom"], found["fit"]["finished"]
    lines.append(
        f"\nOf {out['n']} published out-of-memory runs {out['called_fitting']} are called fitting, "
        f"of {done['n']} finished ones {done['called_impossible']} impossible; "
        f"{out['uncertain']} and {done['uncertain']} are called uncertain. Scored "
        f"{found['measured']} on rows the constants were fitted with; figures with each source "
        "left out are in the result file."
    )
    return "\n".join(lines) + "\n"


def memory_peers_block(found: dict[str, Any]) -> str:
    """One row per peer: errors of both on the runs that both answer."""
    head = ["peer", "runs both answer", "its median error", "ours", "its 90th percentile", "ours"]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    peers = found["views"]["core, one GPU"]["peers"]
    for name in sorted(peers, key=lambda n: float(peers[n]["all"]["theirs"]["median_abs"])):
        if "[" in name:
            continue
        score = peers[name]["all"]
        theirs, ours = score["theirs"], score["ours"]
        shown = f"{name} {found['versions'].get(name, '')}".strip()
        row = [shown, str(score["n"]), percent(theirs["median_abs"]), percent(ours["median_abs"])]
        row += [percent(theirs["p90_abs"]), percent(ours["p90_abs"])]
        lines.append("| " + " | ".join(row) + " |")
    lines.append(
        f"\nCore rows on one GPU, through each peer's own code, {found['as_of']}. Our constants "
        "were fitted with these rows, the peers' with others or with a few of them."
    )
    return "\n".join(lines) + "\n"


def throughput_block(found: dict[str, Any]) -> str:
    """Two rows: fitted with all sources, and with the scored source left out."""
    head = ["hours", "runs", "within x1.25", "within x1.5", "in the interval"]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for title, score in (("all sources known", found), ("source left out", found["left_out"])):
        shares = (score["within_1_25"], score["within_1_5"], score["coverage"])
        row = [title, str(score["n"]), *map(percent, shares)]
        lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines) + "\n"


POLICIES = {
    "these rules": "without_score",
    "these rules, told what a prompt scores": "with_score",
    "these rules, without those that lean on the publication": "left_out_strictly",
    "one fixed order, searched on the other publications": "fixed_order",
    "one fixed order, by how often each approach is acceptable": "fixed_order_by_rate",
    "a dozen lines of evidence": "evidence_tree",
    "the same, told what a prompt scores": "evidence_tree_with_score",
    "knowledge: RAG; style or format: tune; else prompt": "folklore",
}


def decisions_block(found: dict[str, Any]) -> str:
    """One row per policy: acceptable choices, regret, harm and calibration."""
    head = ["policy", "acceptable", "points lost", "10 points or more behind", "Brier"]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for title, key in POLICIES.items():
        score = found[key].get("without_score", found[key])
        brier = "-" if score["brier"] is None else f"{score['brier']:.3f}"
        row = [title, percent(score["acceptable"]), f"{score['regret']:.1f}"]
        lines.append("| " + " | ".join([*row, percent(score["harm"]), brier]) + " |")
    ours = found["without_score"]
    low, high = ours["acceptable_ci95"]
    lines.append(
        f"\n{ours['n']} published comparisons from {ours['sources']} publications, one vote each, "
        f"{found['date']}. Strengths, chances and orders are found again without the publication "
        "that is scored; the rules' conditions were written by people who knew them. 95 % interval "
        f"of the first row: {percent(low)} to {percent(high)}. {_beside(found)}"
    )
    return "\n".join(lines) + "\n"


def _beside(found: dict[str, Any]) -> str:
    """How sure the lead over the best fixed order is."""
    pair = found["paired"]["without_score"]["fixed_order"]
    low, high = pair["acceptable_gain_ci90"]
    return (
        f"Its lead over the searched order is {100 * pair['acceptable_gain']:.1f} points (90 % "
        f"interval {100 * low:.1f} to {100 * high:.1f}), that over the order by rate and over the "
        "folklore is beyond doubt."
    )


def measuring_block(found: dict[str, dict[str, Any]]) -> str:
    """What measuring takes and how far it can be trusted, from several result files."""
    lines = ["| what | measured |", "| --- | --- |"]
    for words, told in _measuring_rows(found):
        lines.append(f"| {words} | {told} |")
    dates = sorted({one["measured"] for one in found.values()})
    lines.append(
        f"\nMeasured {' and '.join(dates)} on 2 cores without a GPU; how, and the machine's load,"
        " stand in [`benchmarks/results`](benchmarks/results)."
    )
    return "\n".join(lines) + "\n"


def _measuring_rows(found: dict[str, dict[str, Any]]) -> Iterator[tuple[str, str]]:
    harness = found["evaluation_harness"]["shape_135m"]
    rival = f"lm-evaluation-harness {found['evaluation_harness']['rival']['lm_eval']}"
    for name, words in (
        ("zero_shot", "zero-shot"),
        ("zero_shot_nothing_shared", "zero-shot, nothing shared"),
        ("five_shot", "five-shot"),
    ):
        row = harness[name]
        yield (
            f"answers per second against {rival}, 135M shape, {words}",
            f"{row['ratio']:.2f} times, {percent(row['equal_answers'])} equal",
        )
    service = found["evaluation_http"]["command"]
    yield (
        "`baseline` on 10,000 items against a server with 50 ms latency, 8 at once",
        f"{percent(service['share_of_ideal'])} of the ideal rate, {service['peak_mib']:.0f} MiB",
    )
    stopping = found["evaluation_stopping"]
    items = percent(stopping["most_median_share_of_items_at_10_points"])
    wrong = percent(stopping["most_wrong_share"])
    yield (
        "evaluations that end when decided, truth 10 points from the target, 500 planned",
        f"at most {items} of the items (median), wrong in at most {wrong}",
    )
    data = found["data_check"]
    first, whole = data["structural_mb_per_second"], data["whole_mb_per_second"]
    speed = f"{first:.0f} MB/s to read and judge every row, {whole:.1f} MB/s with everything"
    faults = f"{data['found']} of {data['planted']} planted faults found"
    yield (
        f"`data check` of {data['megabytes'] / 1000:.0f} GB, {data['rows']:,} rows",
        f"{data['peak_mib']:.0f} MiB, {speed}; {faults}",
    )


RIVALS = {"llama_index": "LlamaIndex", "langchain": "LangChain"}
CUTOFFS = (1, 5, 10)


def _shares(figures: dict[str, float]) -> str:
    return ", ".join(percent(figures[f"recall_{k}"]) for k in CUTOFFS)


def _recall_rows(found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    score, rivals = found["score"]["paragraphs"]["held_out"], found["rivals"]
    n = score["hybrid"]["n"]
    told = "; ".join(f"{name} {_shares(score[name])}" for name in ("dense", "bm25", "hybrid"))
    yield f"recall at 1, 5 and 10, {n} held-out SQuAD questions", told
    for name, title in (("bare", "bare sentence-transformers and FAISS"), *RIVALS.items()):
        if name not in rivals.get("ours_beside", {}).get("held_out", {}):
            continue
        if name in RIVALS:
            yield _recall_beside(rivals, name, title)
        yield f"time over that of {title}, same embedder and cut, wall (CPU)", _times(rivals, name)


def _recall_beside(rivals: dict[str, Any], name: str, title: str) -> tuple[str, str]:
    """Our hybrid search beside the best way of a rival, at each depth, and how sure that is."""
    beside = rivals["ours_beside"]["held_out"][name]
    best = beside["best"]
    ours = rivals["contestants"]["ours"]["held_out"]["hybrid"]
    theirs = rivals["contestants"][name]["held_out"][best]
    chances = ", ".join(f"{beside['ways'][best][str(k)]['p']:.2g}" for k in CUTOFFS)
    return (
        f"recall at 1, 5 and 10 beside {title}'s best way (`{best}`), {ours['n']} held-out",
        f"{_shares(ours)} against {_shares(theirs)}; p (McNemar) {chances}",
    )


def _times(rivals: dict[str, Any], name: str) -> str:
    """Ratios of the build and of a question, by meaning and by both."""
    over = rivals["ours_over"][name]
    best = rivals["ours_beside"]["held_out"][name]["best"]
    shown = [("build", "build"), ("question by meaning", "query_dense")]
    if best not in {"dense", "bm25"}:
        shown.append(("hybrid question", f"query_{best}"))
    return ", ".join(
        f"{words} {over['wall'][key]:.2f} ({over['cpu'][key]:.2f})" for words, key in shown
    )


def _index_rows(found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for key, title in (("hundred_thousand", "100,000"), ("million", "1,000,000")):
        auto = found[key]["kinds"]["auto"]
        load = f", at a load of {auto['search_load']:.0f}" if "search_load" in auto else ""
        yield (
            f"{title} vectors, index chosen by itself ({auto['kind']})",
            (
                f"recall at 10 of {percent(auto['recall_of_real_queries'])} against comparing all, "
                f"{auto['search_ms']['p95']:.0f} ms (p95{load}), {auto['files_mib']:.0f} MiB on "
                f"disk, mapped; {auto['search_memory_mib']:.0f} MiB anonymous while searching"
            ),
        )


def finding_block(found: dict[str, dict[str, Any]]) -> str:
    """One row per claim of retrieval and of systems without a language model."""
    labels = found["labels"]
    curve = labels["curve_per_label"]["embedding_classifier"]
    rows = [*_recall_rows(found["retrieval"]), *_index_rows(found["retrieval_vectors"])]
    rows.append(
        (
            "banking77 without a language model, all labels",
            ", ".join(
                f"{name.replace('_', ' ')} {percent(each['accuracy'])}"
                for name, each in labels["all_labels"].items()
            ),
        )
    )
    rows.append(
        (
            "classifier with 1, 5, 10, 20 and 50 labels a class",
            ", ".join(percent(curve[count]["accuracy"]) for count in ("1", "5", "10", "20", "50")),
        )
    )
    lines = ["| what | measured |", "| --- | --- |", *(f"| {a} | {b} |" for a, b in rows)]
    lines.append(
        f"\nMeasured {labels['measured']} on 2 cores without a GPU; settings of the search were "
        "chosen on other questions than the held-out ones; rivals search with the settings they "
        "come with, words in lower case and stemmed. Times below 1 are quicker than theirs; other "
        "work ran beside (load average "
        f"{' to '.join(f'{load:.0f}' for load in found['retrieval']['rivals']['load_average'])}), "
        "details in [`benchmarks/results`](benchmarks/results)."
    )
    return "\n".join(lines) + "\n"


def _spread(ratios: list[float]) -> str:
    """The middle of several ratios and their ends."""
    ordered = sorted(ratios)
    middle = ordered[len(ordered) // 2]
    return f"{middle:.2f} times ({ordered[0]:.2f} to {ordered[-1]:.2f})"


def training_block(found: dict[str, dict[str, Any]]) -> str:
    """One row per claim of training: speed against a script by hand, packing, forgetting."""
    speed, packing = found["training_speed"], found["training_packing"]
    losses = {name: sum(each) / len(each) for name, each in packing["dev_loss_after"].items()}
    told = ", ".join(f"{name} {loss:.2f}" for name, loss in losses.items())
    rows = [
        (
            "tokens per second in optimizer steps against the same TRL script by hand",
            _spread(speed["ratio_by_round"]),
        ),
        *(
            (
                f"tokens of data per second against batches padded to their longest row: {name}",
                _spread(packing["ratio_to_padded"][name]),
            )
            for name in ("packed", "grouped")
        ),
        (f"dev loss from {packing['dev_loss_before']:.2f}, mean of the rounds", told),
    ]
    lines = ["| what | measured |", "| --- | --- |", *(f"| {a} | {b} |" for a, b in rows)]
    lines.append(
        f"\nMeasured {speed['measured']} with LoRA on the embedded model, real requests of real "
        f"lengths ({packing['rows']} rows), on {speed['machine']}, no GPU."
    )
    return "\n".join(lines) + "\n"


def proving_block(found: dict[str, dict[str, Any]]) -> str:
    """One row per claim of proof and shipping: error rates, power, vetoes, exports, reports."""
    chance, exports, report = found["verification"], found["exports"], found["report"]
    rows = [*_chance_rows(chance["summary"]), *_export_rows(exports["forms"])]
    slowest = max(row["wall_seconds"] for row in report["reports"].values())
    rows.append(
        ("`advisor report` on a finished run, slowest of the runs tried", f"{slowest:.1f} s")
    )
    lines = ["| what | measured |", "| --- | --- |", *(f"| {a} | {b} |" for a, b in rows)]
    lines.append(
        f"\nMeasured {chance['measured']} on {chance['machine']}, no GPU; verdicts on simulated "
        f"scores, exports of the embedded model tuned on the bundled task {exports['task']}."
    )
    return "\n".join(lines) + "\n"


def _chance_rows(summary: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield (
        "tuned model equal to the best baseline: kept all the same, worst of all settings",
        percent(summary["worst_wrong_keep"]),
    )
    yield (
        "15 points better, 200 samples, 45 % of them answered otherwise: kept",
        percent(summary["kept_at_15_points_200_items_45_percent_discordant"]),
    )
    yield ("tuned on shuffled labels: discarded", percent(summary["shuffled_labels_discarded"]))
    yield ("vetoed for a segment where nothing differs", percent(summary["worst_false_veto"]))


def _export_rows(forms: dict[str, dict[str, Any]]) -> Iterator[tuple[str, str]]:
    for name, row in forms.items():
        if row.get("n"):
            told = f"{row['equal']} of {row['n']} answers equal, {row['verdict'].replace('_', ' ')}"
            yield f"export {name}, against the evaluated adapter", told
