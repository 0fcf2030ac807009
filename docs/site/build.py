"""Builds the site: the pages of docs/, with what their commands print and draw, and a reference written by the program.

    build/venv/bin/python docs/site/build.py      into build/site/html; fails on a command that fails, a picture or a link that is missing

In a page, a block marked `sh` is run (in a folder that has examples/ and data/, with `starling` at hand) and what it printed
follows it; one marked `python` is run with the module. `![words](figure:RUN#ID)` becomes a figure of that run's report as it is
drawn in a browser, `![words](file:PATH)` a file that a command wrote. Blocks marked otherwise (`bash`, `toml`, none) are only shown.
"""

import json
import os
import pathlib
import re
import shutil
import sqlite3
import subprocess
import sys

import yaml

from pictures import Pictures

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "release"
SITE = ROOT / "build" / "site"
PAGES, WORK = SITE / "pages", SITE / "work"
SYSTEMS = ["drift", "students", "muon", "depth", "pinn"]
MODULES = ["starling", *(f"starling.{name}" for name in [*SYSTEMS, "optim", "metrics"])]
LONGEST = 30  # lines of a command's output that are shown
ENVIRONMENT = {
    **os.environ,
    "PATH": f"{BUILD / 'bin'}:{os.environ['PATH']}",
    "PYTHONPATH": str(BUILD / "python"),
    "COLUMNS": "120",
}


def program(*args):
    return subprocess.run([BUILD / "bin" / "starling", *args], check=True, capture_output=True, text=True).stdout


def write(name, text):
    path = PAGES / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def escape(text):
    return re.sub(r"([\\`*_\[\]<>#|])", r"\\\1", text)


# --- pages that are written by hand -------------------------------------------------------------------------------------


def printed(page, language, code):
    """Runs a block and returns what it printed; a failure ends the build with its place."""
    command = ["bash", "-euo", "pipefail", "-c", code] if language == "sh" else [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=WORK, env=ENVIRONMENT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        sys.exit(f"site: {page}: this block exits with {done.returncode}:\n{code}\n{done.stdout}")
    # A line of progress is written over the one before it.
    lines = [line.rsplit("\r", 1)[-1].rstrip() for line in done.stdout.rstrip("\n").split("\n")]
    if len(lines) > LONGEST:
        lines = [*lines[: LONGEST // 2], "...", *lines[-LONGEST // 2 :]]
    return "\n".join(lines)


BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
PICTURE = re.compile(r"!\[([^\]]*)\]\((figure|file):([^)#]+)(?:#([^)]+))?\)")


def execute(name, text, pictures):
    def run(match):
        output = printed(name, match[1], match[2])
        return match[0] + (f"\n```text\n{output}\n```\n" if output else "")

    def show(match):
        words, kind, path, figure = match.groups()
        source = pictures.figure(WORK / path, figure) if kind == "figure" else WORK / path
        if not source.exists():
            sys.exit(f"site: {name}: no such picture: {match[0]}")
        target = PAGES / "pictures" / (path.replace("/", "-") + (f"-{figure}.svg" if figure else ""))
        target.parent.mkdir(exist_ok=True)
        shutil.copy(source, target)
        up = "../" * name.count("/")
        return f"![{words}]({up}pictures/{target.name})"

    return PICTURE.sub(show, BLOCK.sub(run, text))


def inside(text):
    """Links of the README, which stands above docs/, as they are on the site."""
    text = re.sub(r"\]\(docs/decisions/?\)", "](decisions/index.md)", text)
    text = re.sub(r"\]\(docs/([^)]+)\)", r"](\1)", text)
    return text.replace("](CHANGELOG.md)", "](changelog.md)").replace("](data/README.md)", "](data.md)")


def copy_pages(pictures):
    for path in sorted((ROOT / "docs").glob("**/*.md")):
        name = str(path.relative_to(ROOT / "docs"))
        write(name, path.read_text(encoding="utf-8"))
    for name in [*(f"tutorials/{system}.md" for system in SYSTEMS), "gallery.md"]:
        print(f"site: {name}", flush=True)
        write(name, execute(name, (PAGES / name).read_text(encoding="utf-8"), pictures))
    write("index.md", inside((ROOT / "README.md").read_text(encoding="utf-8")))
    write("changelog.md", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    write("data.md", (ROOT / "data" / "README.md").read_text(encoding="utf-8"))
    lines = ["# Decisions\n", "Choices that a newcomer would question.\n"]
    for path in sorted((ROOT / "docs" / "decisions").glob("*.md")):
        title = path.read_text(encoding="utf-8").split("\n", 1)[0].lstrip("# ")
        lines.append(f"- [{title.replace('. ', ' – ', 1)}]({path.name})")
    write("decisions/index.md", "\n".join(lines) + "\n")


# --- pages that the program writes --------------------------------------------------------------------------------------


def verdicts():
    """What the runs of the pages found, by claim: rows of (verdict, value, lower, upper, expected, note, run)."""
    found = {}
    for database in sorted(WORK.glob("runs/*/run.db")):
        config = json.loads((database.parent / "manifest.json").read_text(encoding="utf-8"))["config"]
        with sqlite3.connect(database) as rows:
            query = "SELECT id, verdict, value, lower, upper, expected, note FROM claims"
            for claim, *row in rows.execute(query):
                found.setdefault((config["system"], claim), []).append((*row, database.parent.name))
    return found


def number(value):
    return "" if value is None else f"{value:.4g}"


def judged(system, claim, found):
    # A catalogue may speak of a family of claims, as `census.best`; a run judges each of its members.
    rows = [(name, row) for (of, name), all_rows in found.items() for row in all_rows
            if of == system and re.fullmatch(re.escape(claim) + r"(\.n?\d+)?", name)]  # fmt: skip
    if not rows:
        return "\nNo run of this site judges it; the job that does is described on the page of its system.\n"
    out = "\n## Judged while this site was made\n\n| claim | verdict | value | 95% interval | expected | run |\n|---|---|---|---|---|---|\n"
    for name, (verdict, value, lower, upper, expected, note, run) in rows:
        interval = f"{number(lower)} to {number(upper)}" if lower is not None and upper is not None else ""
        out += f"| {name} | **{verdict}** | {number(value)} | {interval} | {escape(expected or '')} | {run} |\n"
        if note:
            out += f"\n{escape(note)}\n"
    return out


def write_claims():
    found = verdicts()
    index = "# Claims\n\nEvery statement of theory that a study checks, with its source and what would refute it.\n"
    pages = []
    for system in SYSTEMS:
        index += f"\n## {system}\n\n"
        names = []
        for line in program("claims", system, "--json").splitlines():
            claim = json.loads(line)
            page = f"claims/{system}/{re.sub(r'[^A-Za-z0-9.-]', '-', claim['id'])}.md"
            index += f"- [{claim['id']}]({page.removeprefix('claims/')}): {escape(claim['states'])}\n"
            write(
                page,
                f"# {system}: {claim['id']}\n\n**{escape(claim['states'])}**\n\nSource\n:   {escape(claim['source'])}\n\n"
                f"Measured\n:   {escape(claim['measured'])}\n\nFails if\n:   {escape(claim['fails_if'])}\n"
                f"{judged(system, claim['id'], found)}\nMore: [the system {system}](../../{system}.md), "
                f"[all claims](../index.md).\n",
            )
            names.append({claim["id"]: page})
        pages.append({system: names})
    write("claims/index.md", index)
    return ["claims/index.md", *pages]


def write_reference():
    write("reference/starling.md", program("manual", "--markdown"))
    for system in SYSTEMS:
        write(f"reference/spec-{system}.md", program("manual", system, "--markdown"))
    for module in MODULES:
        write(f"reference/python-{module}.md", f"# {module}\n\n::: {module}\n")
    return [
        {"Command line": "reference/starling.md"},
        {"Specs": [{system: f"reference/spec-{system}.md"} for system in SYSTEMS]},
        {"Python": [{module: f"reference/python-{module}.md"} for module in MODULES]},
    ]


def main():
    shutil.rmtree(SITE, ignore_errors=True)
    WORK.mkdir(parents=True)
    for folder in ["examples", "data"]:
        (WORK / folder).symlink_to(ROOT / folder)
    copy_pages(Pictures(SITE / "browser"))
    reference, claims = write_reference(), write_claims()
    decisions = sorted(path.name for path in (PAGES / "decisions").glob("0*.md"))
    config = yaml.safe_load((ROOT / "docs" / "site" / "mkdocs.yml").read_text(encoding="utf-8"))
    config["docs_dir"], config["site_dir"] = str(PAGES), str(SITE / "html")
    next(p for p in config["plugins"] if "mkdocstrings" in p)["mkdocstrings"]["handlers"]["python"]["paths"] = [str(ROOT / "python")]
    snippets = next(e for e in config["markdown_extensions"] if "pymdownx.snippets" in e)
    snippets["pymdownx.snippets"]["base_path"] = [str(ROOT)]
    config["nav"] = [
        {"Start": "index.md"},
        {"Tutorials": [f"tutorials/{system}.md" for system in SYSTEMS]},
        {"Systems": [f"{system}.md" for system in SYSTEMS]},
        {"Gallery": "gallery.md"},
        {"Claims": claims},
        {"Reference": ["api.md", *reference]},
        {"Developing": ["hacking.md", "adding_a_system.md", "performance.md", "scaling.md", {"Decisions": ["decisions/index.md", *(f"decisions/{n}" for n in decisions)]}]},
        {"More": ["changelog.md", "data.md"]},
    ]  # fmt: skip
    (SITE / "mkdocs.yml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    environment = {**os.environ, "DISABLE_MKDOCS_2_WARNING": "true", "NO_MKDOCS_2_WARNING": "true"}
    done = subprocess.run([sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-f", SITE / "mkdocs.yml"], env=environment)
    if done.returncode != 0:
        sys.exit("site: mkdocs found what stands above")
    print(f"site: {len(list((SITE / 'html').glob('**/*.html')))} pages in {SITE / 'html'}")


if __name__ == "__main__":
    main()
