#!/usr/bin/env python3
"""Writes price-matchers.json: what the genai-prices crate knows and does not tell.

The crate prices a model that it is given by name, but does not say which names it would take for the same model, nor
above which prompt sizes other rates begin. Both are read here from the data inside the crate's source, which Cargo
finds. Rates are not copied: the control plane asks the crate for them.

Run it after the crate's version changes:  python3 crates/controller/data/extract.py
"""

import json
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
TOKEN_PRICES = {"input_mtok", "output_mtok"}


def crate():
    """Version and folder of the crate that the lock file names."""
    out = subprocess.run(
        ["cargo", "metadata", "--format-version", "1", "--locked", "--offline"],
        cwd=HERE, check=True, capture_output=True, text=True,
    ).stdout
    found = [p for p in json.loads(out)["packages"] if p["name"] == "genai-prices"]
    if len(found) != 1:
        sys.exit(f"expected one genai-prices, found {len(found)}")
    return found[0]["version"], pathlib.Path(found[0]["manifest_path"]).parent


def translate_regex(pattern):
    """One of the few forms of regular expression that the data uses, without a regular expression."""
    if pattern == "^(?!.*-[tT][tT][sS](?:$|-))":
        return {"not": {"any": [{"ends_with": "-tts"}, {"contains": "-tts-"}]}}
    body = re.fullmatch(r"\^(.*?)(\$?)", pattern)
    if body is None:
        sys.exit(f"unknown form of regular expression: {pattern}")
    texts, rest = [""], body[1]
    while rest:
        if m := re.match(r"\\d\{(\d+)\}", rest):
            texts = [t + "#" * int(m[1]) for t in texts]
        elif m := re.match(r"\\d", rest):
            texts = [t + "#" for t in texts]
        elif m := re.match(r"\\([.\[\]])", rest):
            texts = [t + m[1] for t in texts]
        elif m := re.match(r"\[([-@]+)\]", rest):
            texts = [t + c for t in texts for c in m[1]]
        elif m := re.match(r"[a-z0-9/=-]", rest):
            texts = [t + m[0] for t in texts]
        else:
            sys.exit(f"unknown form of regular expression: {pattern}")
        rest = rest[m.end():]
    if "#" in texts[0]:
        kind = "digits" if body[2] else "digits_prefix"
    else:
        kind = "equals" if body[2] else "starts_with"
    clauses = [{kind: t} for t in texts]
    return clauses[0] if len(clauses) == 1 else {"any": clauses}


def translate(match):
    [(kind, value)] = match.items()
    if kind in ("equals", "starts_with", "ends_with", "contains"):
        return {kind: value.lower()}
    if kind in ("or", "and"):
        return {"any" if kind == "or" else "all": [translate(v) for v in value]}
    if kind == "regex":
        return translate_regex(value)
    sys.exit(f"unknown kind of match: {kind}")


def matches(match, name):
    """As ModelMatch::matches in crates/policy/src/provider.rs."""
    [(kind, value)] = match.items()
    if kind == "equals":
        return name == value
    if kind == "starts_with":
        return name.startswith(value)
    if kind == "ends_with":
        return name.endswith(value)
    if kind == "contains":
        return value in name
    if kind in ("digits", "digits_prefix"):
        long_enough = len(name) == len(value) if kind == "digits" else len(name) >= len(value)
        return long_enough and all(n.isdigit() if p == "#" else n == p for p, n in zip(value, name))
    if kind == "all":
        return all(matches(v, name) for v in value)
    if kind == "any":
        return any(matches(v, name) for v in value)
    return not matches(value, name)


def literals(match):
    """Names that `match` may take."""
    [(kind, value)] = match.items()
    if kind in ("all", "any"):
        return [text for v in value for text in literals(v)]
    return [] if kind == "not" else [value.replace("#", "1")]


def price_sets(model):
    prices = model["prices"]
    return [p["prices"] for p in prices] if isinstance(prices, list) else [prices]


def by_hour(model):
    prices = model["prices"]
    return isinstance(prices, list) and any("start_time" in p.get("constraint", {}) for p in prices)


def extract(provider):
    translated = [(m, translate(m["match"])) for m in provider["models"]]
    models, unpriced = [], []
    for model, match in translated:
        takes = lambda name: next((m["id"] for m, t in translated if matches(t, name)), None) == model["id"]
        names = [n for n in [model["id"].lower(), *literals(match)] if takes(n)]
        sets = price_sets(model)
        # Priced by the hour or the character: tokens would seem free. Never asked for by this name: useless.
        if not names or not all(TOKEN_PRICES & set(p) for p in sets):
            unpriced.append(match)
            continue
        # The first match wins, so what has no price keeps its names from those after it.
        taken = [u for u in unpriced if any(matches(match, text) for text in literals(u))]
        if taken:
            match = {"all": [match, {"not": {"any": taken}}]}
        starts = {t["start"] for p in sets for v in p.values() if isinstance(v, dict) for t in v["tiers"]}
        entry = {"id": model["id"], "match": match}
        if names[0] != model["id"]:
            entry["ask"] = names[0]
        if starts:
            entry["tiers"] = sorted(starts)
        if by_hour(model):
            entry["by_hour"] = True
        models.append(entry)
    out = {"models": models}
    if fallbacks := provider.get("fallback_model_providers"):
        out["fallbacks"] = fallbacks
    return out


def main():
    version, folder = crate()
    providers = json.loads((folder / "data" / "prices.json").read_text())
    lines = [f'{json.dumps(p["id"])}: {json.dumps(extract(p), separators=(",", ":"))}' for p in providers]
    text = f'{{"crate_version": "{version}", "providers": {{\n' + ",\n".join(lines) + "\n}}\n"
    (HERE / "price-matchers.json").write_text(text)


if __name__ == "__main__":
    main()
