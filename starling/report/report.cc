#include "starling/report/report.h"

#include <fmt/format.h>

#include <array>
#include <vector>

#include "starling/base/atomic_file.h"
#include "starling/report/assets.h"
#include "starling/report/drawing.h"
#include "starling/report/html.h"

namespace starling::report {
namespace {

using nlohmann::json;
using study::Claim;
using study::Metric;
using study::Store;
using study::Verdict;

// Strings as they are, numbers and lists as JSON writes them.
std::string plain(const json& value) {
  return escape(value.is_string() ? value.get<std::string>()
                                  : value.dump(-1, ' ', false, json::error_handler_t::replace));
}

std::string verdict_badge(Verdict verdict) {
  const char* sign = verdict == Verdict::holds ? "✓" : verdict == Verdict::fails ? "✗" : "?";
  const std::string name = study::to_string(verdict);
  return fmt::format(R"(<span class="badge {0}"><span aria-hidden="true">{1}</span> {0}</span>)", name, sign);
}

std::string heading(const std::string& id, const std::string& title) {
  return fmt::format("<section id=\"{0}\"><h2>{1}</h2>\n", id, title);
}

// A sweep is many runs of one job.
std::string job_of(const json& config) {
  return plain(config.value("job", json(""))) + (config.contains("sweep") ? " sweep" : "");
}

std::string header(const Store& store, const json& manifest) {
  const json config = manifest.value("config", json::object());
  std::string out =
      fmt::format("<header><p class=\"mark\">Starling</p><h1>{} <span>{}</span></h1>\n<ul class=\"facts\">",
                  plain(config.value("system", json("run"))), job_of(config));
  const auto fact = [&out](const std::string& name, const std::string& value) {
    if (!value.empty()) out += fmt::format("<li><b>{}</b> {}</li>", name, value);
  };
  fact("status", plain(manifest.value("status", json(""))));
  if (manifest.contains("seed")) fact("seed", plain(manifest.at("seed")));
  if (manifest.contains("seconds") && manifest.at("seconds").is_number()) {
    fact("took", number(manifest.at("seconds").get<double>()) + " s");
  }
  fact("version", plain(manifest.value("version", json(""))));
  fact("commit", plain(manifest.value("commit", json(""))));
  out += "</ul>\n";

  std::array<int, 3> counts{};
  const std::vector<Claim> claims = store.claims();
  for (const Claim& claim : claims) ++counts[static_cast<std::size_t>(claim.verdict)];
  if (!claims.empty()) {
    out += "<p class=\"verdicts\"><a href=\"#claims\">";
    for (const Verdict verdict : {Verdict::holds, Verdict::fails, Verdict::inconclusive}) {
      const int count = counts[static_cast<std::size_t>(verdict)];
      if (count > 0) out += fmt::format("<span>{} {}</span> ", count, verdict_badge(verdict));
    }
    out += "</a></p>\n";
  }
  return out + "</header>\n";
}

std::string warnings(const Store& store) {
  const std::vector<study::Warning> all = store.warnings();
  if (all.empty()) return "";
  std::string out = "<section id=\"warnings\" class=\"warnings\"><h2>Warnings</h2><ul>\n";
  for (const study::Warning& warning : all) {
    out += fmt::format("<li>{} <span class=\"where\">{}, step {}</span></li>\n", escape(warning.text),
                       escape(warning.task), warning.step);
  }
  return out + "</ul></section>\n";
}

std::string missing_note(const json& drawing) {
  if (!drawing.contains("missing") || drawing.at("missing").empty()) return "";
  std::string out;
  for (const json& name : drawing.at("missing")) out += (out.empty() ? "" : "; ") + plain(name);
  return "<p class=\"missing\">Not recorded by this run: " + out + ".</p>\n";
}

// One card a figure; what page.js is to draw goes into `drawings`, in order.
std::string figures(const Store& store, json& drawings) {
  const std::vector<study::Figure> all = store.figures();
  if (all.empty()) return "";
  std::string out = heading("figures", "Figures");
  out += "<div class=\"figures\">\n";
  for (const study::Figure& figure : all) {
    json drawing = resolve(store, figure.drawing);
    const auto kind = drawing.at("kind").get<std::string>();
    out += fmt::format("<figure id=\"figure-{}\"><h3>{}</h3>\n", escape(figure.id), escape(figure.title));
    if (kind == "none") {
      out += fmt::format("<p class=\"missing\">{}</p>\n", plain(drawing.at("reason")));
    } else if (kind == "image") {
      out += fmt::format("<img class=\"picture\" alt=\"{}\" src=\"data:image/png;base64,{}\">\n",
                         escape(figure.title), drawing.at("png").get<std::string>());
    } else {
      out += fmt::format("<div class=\"plot\" data-drawing=\"{}\"></div>\n", drawings.size());
    }
    out += missing_note(drawing);
    if (kind == "xy" || kind == "heatmap" || kind == "animation") drawings.push_back(std::move(drawing));
    if (!figure.caption.empty()) out += "<figcaption>" + escape(figure.caption) + "</figcaption>\n";
    out += "</figure>\n";
  }
  return out + "</div></section>\n";
}

std::string metrics(const Store& store) {
  const std::vector<Metric> all = store.metrics();
  if (all.empty()) return "";
  std::string out = heading("metrics", "Metrics");
  out +=
      "<p class=\"lead\">Intervals are 95%. The floor is what data against data gives: no model can be "
      "expected below "
      "it.</p>\n<div class=\"scroll\"><table><thead><tr><th>task</th><th>metric</th><th "
      "class=\"n\">value</th>"
      "<th class=\"n\">interval</th><th class=\"n\">floor</th><th class=\"n\">value / "
      "floor</th><th>unit</th><th>note</th>"
      "</tr></thead><tbody>\n";
  std::string task;
  for (const Metric& metric : all) {
    const bool ratio = metric.floor && *metric.floor > 0;
    out += fmt::format(
        "<tr{}><td>{}</td><td>{}</td><td class=\"n strong\">{}</td><td class=\"n\">{}</td><td "
        "class=\"n\">{}</td>"
        "<td class=\"n\">{}</td><td>{}</td><td>{}</td></tr>\n",
        metric.task == task ? "" : " class=\"first\"", metric.task == task ? "" : escape(metric.task),
        escape(metric.name), number(metric.value), interval(metric.lower, metric.upper),
        metric.floor ? number(*metric.floor) : "–", ratio ? number(metric.value / *metric.floor) : "–",
        escape(metric.unit), escape(metric.note));
    task = metric.task;
  }
  return out + "</tbody></table></div></section>\n";
}

std::string claims(const Store& store) {
  const std::vector<Claim> all = store.claims();
  if (all.empty()) return "";
  std::string out = heading("claims", "Claims");
  out +=
      "<div class=\"scroll\"><table class=\"claims\"><thead><tr><th>verdict</th><th>statement</th><th "
      "class=\"n\">measured</th>"
      "<th>expected</th><th>how</th></tr></thead><tbody>\n";
  for (const Claim& claim : all) {
    out += fmt::format(
        "<tr class=\"first {}\" id=\"claim-{}\"><td>{}</td><td>{}<p class=\"where\"><code>{}</code> "
        "{}</p></td>",
        study::to_string(claim.verdict), escape(claim.id), verdict_badge(claim.verdict),
        escape(claim.statement), escape(claim.id), escape(claim.source));
    out += fmt::format("<td class=\"n strong\">{}<br><span class=\"where\">{}</span></td><td>{}</td><td>{}",
                       claim.value ? number(*claim.value) : "–",
                       claim.lower && claim.upper ? interval(claim.lower, claim.upper) : "",
                       escape(claim.expected), escape(claim.measured_as));
    if (!claim.falsifier.empty()) out += "<p class=\"where\">Fails if: " + escape(claim.falsifier) + "</p>";
    if (!claim.note.empty()) out += "<p class=\"where\">" + escape(claim.note) + "</p>";
    out += "</td></tr>\n";
  }
  return out + "</tbody></table></div></section>\n";
}

// Objects become nested lists of terms.
std::string terms(const json& object) {
  std::string out = "<dl>";
  for (const auto& [key, value] : object.items()) {
    out += value.is_object()
               ? fmt::format("<dt class=\"group\">{}</dt><dd>{}</dd>", escape(key), terms(value))
               : fmt::format("<dt>{}</dt><dd>{}</dd>", escape(key), plain(value));
  }
  return out + "</dl>";
}

std::string configuration(const json& manifest) {
  json top = json::object(), sections = json::object(), machine = manifest;
  const json config = manifest.value("config", json::object());
  for (const auto& [key, value] : config.items()) {
    (value.is_object() ? sections : top)[key] = value;
  }
  machine.erase("config");
  std::string out = heading("config", "Configuration");
  out += "<div class=\"cards\">\n";
  if (!top.empty()) out += "<div class=\"card\"><h3>Run</h3>" + terms(top) + "</div>\n";
  for (const auto& [name, values] : sections.items()) {
    out += fmt::format("<div class=\"card\"><h3>{}</h3>{}</div>\n", escape(name), terms(values));
  }
  return out + "</div></section>\n" + heading("manifest", "Manifest") + "<div class=\"card wide\">" +
         terms(machine) + "</div></section>\n";
}

}  // namespace

std::string render_report(const Store& store, const json& manifest) {
  const json config = manifest.value("config", json::object());
  json drawings = json::array();
  const std::string body = header(store, manifest) + "<main>\n" + warnings(store) + figures(store, drawings) +
                           metrics(store) + claims(store) + configuration(manifest) + "</main>\n";
  std::string out =
      "<!doctype html>\n<html lang=\"en\" data-errors=\"0\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
      "script-src 'unsafe-inline'; img-src data: blob:\">\n";
  out += fmt::format("<title>{} {} – Starling</title>\n", plain(config.value("system", json("run"))),
                     job_of(config));
  out += "<style>\n";
  out += page_style();
  out +=
      "</style>\n<script>\n"
      "{ const count = () => { document.documentElement.dataset.errors++; };\n"
      "  window.addEventListener('error', count);\n"
      "  window.addEventListener('unhandledrejection', count);\n"
      "  document.addEventListener('securitypolicyviolation', count);\n"
      "  const print = console.error; console.error = (...words) => { count(); print.apply(console, words); "
      "}; }\n"
      "</script>\n</head>\n<body>\n";
  out += body;
  out += "<script type=\"application/json\" id=\"drawings\">" + script_json(drawings) + "</script>\n";
  if (!drawings.empty()) {
    out += "<script>\n";
    out += plotly();
    out += "</script>\n";
  }
  out += "<script>\n";
  out += page_script();
  out += "</script>\n</body>\n</html>\n";
  return out;
}

void write_report(const study::RunDirectory& run) {
  const Store store(run.database(), Store::Open::existing);
  base::write_file_atomically(run.report(), render_report(store, run.read_manifest()));
}

}  // namespace starling::report
