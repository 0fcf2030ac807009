"""Figures of a report as pictures, drawn by the report's own script in a browser without a window."""

import base64
import html
import re
import shutil
import subprocess
import sys
import urllib.parse

# Waits for the page to have drawn all, then leaves each figure as the SVG that the drawing library makes of it.
SCRIPT = """<script>(async () => {
  while (!document.body.dataset.ready) await new Promise((done) => setTimeout(done, 20));
  for (const figure of document.querySelectorAll("figure")) {
    const plot = figure.querySelector(".plot"), picture = figure.querySelector("img.picture");
    const left = Object.assign(document.createElement("pre"), { className: "left" });
    left.dataset.figure = figure.id;
    left.textContent = plot ? await Plotly.toImage(plot, { format: "svg", width: 840, height: plot.layout.height }) : picture ? picture.src : "";
    document.body.append(left);
  }
})();</script></body>"""


class Pictures:
    def __init__(self, folder):
        self.folder, self.known = folder, {}
        self.browser = shutil.which("chromium") or sys.exit("site: no chromium: run scripts/setup.sh")
        folder.mkdir(parents=True)

    def figure(self, run, figure):
        """The path of a picture of the figure of this id; ends the build when the run has none."""
        if run not in self.known:
            self.known[run] = self.draw(run)
        if figure not in self.known[run]:
            sys.exit(f"site: {run}: no figure '{figure}'; it has {', '.join(self.known[run])}")
        return self.known[run][figure]

    def draw(self, run):
        page = (run / "report.html").read_text(encoding="utf-8")
        # The report forbids what it does not bring along; this copy of it brings one script more.
        page = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
        at = page.rindex("</body>")
        copy = self.folder / f"{run.name}.html"
        copy.write_text(page[:at] + SCRIPT + page[at + len("</body>") :], encoding="utf-8")
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--virtual-time-budget=60000"]
        done = subprocess.run(
            [self.browser, *flags, f"--user-data-dir={self.folder / 'profile'}", "--dump-dom", copy.as_uri()],
            check=True, capture_output=True, text=True)  # fmt: skip
        found = {}
        for name, data in re.findall(r'<pre class="left" data-figure="figure-([^"]+)">([^<]*)</pre>', done.stdout):
            kind, body = html.unescape(data).split(",", 1)
            text = base64.b64decode(body) if kind.endswith(";base64") else urllib.parse.unquote_to_bytes(body)
            found[name] = self.folder / f"{run.name}-{name}.{'png' if 'png' in kind else 'svg'}"
            found[name].write_bytes(text)
        return found
