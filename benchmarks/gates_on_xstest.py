"""The gates on text that nobody here wrote: completions of two open models, labelled by people (Röttger et al., 2024).

python benchmarks/gates_on_xstest.py ../shared/data/xstest    # seconds; writes results/gates_on_xstest.md
"""

from __future__ import annotations

import csv
import sys
from collections import Counter
from pathlib import Path

from corpusgen.checks import Rules, check_pair, pair_gates, pair_of
from corpusgen.recipe import Checks
from corpusgen.taxonomy import load_taxonomy

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "gates_on_xstest.md"
MODELS = {"Llama-2": "completions_llama2orig.csv", "Mistral-Instruct": "completions_mistralinstruct.csv"}
LABELS = {"1_full_compliance": "answers", "2_full_refusal": "refuses", "3_partial_refusal": "refuses in part"}


def judged(path: Path, rules: Rules) -> tuple[dict[str, Counter[str]], Counter[str]]:
    """Returns how completions fare, by label, and which gates reject answers to harmless questions.

    The gate on boundaries is asked twice: is the completion a refusal where an answer is owed (mode ``answer``), and
    does it say no plainly where a refusal is owed (mode ``supportive_refusal``)?
    """
    gates = pair_gates(rules)
    boundary = [gate for gate in gates if gate.name == "boundary"]
    texts = [gate for gate in gates if not gate.needs]
    found: dict[str, Counter[str]] = {label: Counter() for label in LABELS}
    alarms: Counter[str] = Counter()
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            pair = {"id": row["id"], "prompt": row["prompt"], "response": row["completion"].strip()}
            counts = found[row["final_label"]]
            counts["all"] += 1
            counts["refused"] += bool(check_pair(pair_of({**pair, "response_mode": "answer"}), boundary))
            counts["plain"] += not check_pair(pair_of({**pair, "response_mode": "supportive_refusal"}), boundary)
            if row["final_label"] == "1_full_compliance" and not row["type"].startswith("contrast"):
                counts["harmless"] += 1
                rejections = check_pair(pair_of(pair), texts)
                alarms.update({rejection.gate for rejection in rejections})
                alarms["any of them"] += bool(rejections)
    return found, alarms


def main() -> None:
    """Prints the tables and keeps them."""
    if len(sys.argv) != 2:
        sys.exit("python benchmarks/gates_on_xstest.py FOLDER   (the folder with the completions)")
    rules = Rules(load_taxonomy(ROOT / "taxonomies" / "psychosafe"), Checks())
    lines = [
        "# The gates on XSTest completions",
        "",
        "450 completions each of two open models, as two people labelled them (Röttger et al., NAACL 2024).",
        "",
        "| model | the completion, say people | completions | `boundary` sees a refusal where an answer is owed | "
        "it sees a plain no where a refusal is owed |",
        "|---|---|--:|--:|--:|",
    ]
    harmless: dict[str, tuple[int, Counter[str]]] = {}
    for model, name in MODELS.items():
        found, alarms = judged(Path(sys.argv[1]) / name, rules)
        harmless[model] = (found["1_full_compliance"]["harmless"], alarms)
        for label, words in LABELS.items():
            counts = found[label]
            shares = " | ".join(f"{counts[key]} ({counts[key] / counts['all']:.0%})" for key in ("refused", "plain"))
            lines.append(f"| {model} | {words} | {counts['all']} | {shares} |")
    lines += [
        "",
        "Gates that look at the text alone, on complete answers to harmless questions:",
        "",
        "| gate | " + " | ".join(f"{model} ({count} answers)" for model, (count, _) in harmless.items()) + " |",
        "|---|" + "--:|" * len(harmless),
    ]
    seen = {name for _, alarms in harmless.values() for name in alarms}
    for name in sorted(seen, key=lambda name: (name != "any of them", name)):
        lines.append(f"| {name} | " + " | ".join(str(alarms[name]) for _, alarms in harmless.values()) + " |")
    text = "\n".join(lines) + "\n"
    print(text)
    RESULTS.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
