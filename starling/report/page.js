// Draws what the page holds in #drawings, one Plotly figure for each .plot element, then says how many figures are ready.
(async () => {
  "use strict";
  const colours = ["#2f6db3", "#d9622b", "#2f9e6e", "#8a5fc0", "#c8a018", "#c4477f", "#4bb3c4", "#6f7782"];
  const font = { family: "Inter, system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif", size: 13, color: "#3d4652" };
  const settings = { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["lasso2d", "select2d", "autoScale2d"] };

  // Plotly reads a few tags in its texts; those of a run are shown as they are.
  const text = (value) => String(value ?? "").replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

  // Ticks of a logarithmic axis: whole decades when there are two or more of them, else 1, 2, 5.
  const decades = (values) => {
    const positive = values.filter((value) => value > 0);
    return positive.length ? Math.log10(positive.reduce((a, b) => Math.max(a, b)) / positive.reduce((a, b) => Math.min(a, b))) : 0;
  };
  const axis = (label, log, values) => ({
    title: { text: text(label), standoff: 12, font: { size: 13 } }, automargin: true, gridcolor: "#eceff3", linecolor: "#c9d0d9",
    ticks: "outside", tickcolor: "#c9d0d9", zeroline: false, exponentformat: "power",
    ...(log ? { type: "log", dtick: decades(values) >= 2 ? 1 : "D2" } : {}),
  });
  const coordinates = (drawing, key) => (drawing.groups ?? []).flatMap((group) => group[key]);

  const layout = (drawing, more = {}) => ({
    font, height: 400, margin: { l: 64, r: 20, t: 30, b: 56 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    hovermode: "closest", hoverlabel: { font }, colorway: colours,
    legend: { orientation: "h", y: -0.2, yanchor: "top", x: 0, font: { size: 12 } },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: "#b5bdc8", activecolor: colours[0] },
    xaxis: axis(drawing.x_label, drawing.log_x, coordinates(drawing, "x")),
    yaxis: axis(drawing.y_label, drawing.log_y, coordinates(drawing, "y")), ...more,
  });

  const trace = (group, i) => {
    const colour = colours[i % colours.length];
    const base = { name: text(group.label), x: group.x, y: group.y, showlegend: Boolean(group.label) };
    const error = group.error && {
      type: "data", array: group.error, arrayminus: group.error_below, symmetric: !group.error_below, thickness: 1.5, width: 4,
      color: group.mode === "bars" ? "#3d4652" : colour,
    };
    if (group.mode === "bars") return { ...base, type: "bar", x: group.x.map(text), marker: { color: colour }, error_y: error };
    return {
      ...base, type: "scatter", mode: group.mode ?? "lines", error_y: error, connectgaps: false,
      text: group.text?.map(text), textposition: "top center", textfont: { size: 11 },
      line: { color: colour, width: 2, dash: ["solid", "dash", "dot"][Math.floor(i / colours.length) % 3] },
      marker: { color: colour, size: group.x.length > 300 ? 4 : 7, opacity: group.x.length > 300 ? 0.6 : 0.9 },
    };
  };

  // The filled region between `lower` and `upper`, below its curve and without a name; nothing where they are not known.
  const band = (drawing, group, i) => {
    if (!group.lower) return [];
    const positive = group.y.filter((y) => y > 0), bottom = drawing.log_y ? Math.min(...positive) / 10 : -Infinity;
    const known = group.x.map((_, j) => j).filter((j) => group.lower[j] !== null && group.upper[j] !== null);
    const around = [...known, ...[...known].reverse()];
    return [{
      type: "scatter", mode: "lines", fill: "toself", fillcolor: colours[i % colours.length], opacity: 0.18, line: { width: 0 },
      x: around.map((j) => group.x[j]), y: around.map((j, k) => (k < known.length ? group.upper[j] : Math.max(bottom, group.lower[j]))),
      showlegend: false, hoverinfo: "skip",
    }];
  };

  // A line in the data's own coordinates: a logarithmic axis wants the logarithm only for annotations.
  const references = (drawing) => {
    const lines = drawing.reference_lines ?? [];
    return {
      shapes: lines.map((line) => ({
        type: "line", xref: "paper", x0: 0, x1: 1, y0: line.y, y1: line.y, line: { color: "#6f7782", width: 1.5, dash: "dash" },
      })),
      annotations: lines.map((line) => ({
        xref: "paper", x: 1, xanchor: "right", y: drawing.log_y ? Math.log10(line.y) : line.y, yanchor: "bottom",
        text: text(line.label), showarrow: false, font: { size: 11, color: "#4a5360" }, bgcolor: "rgba(255,255,255,0.88)", borderpad: 2,
      })),
    };
  };

  const drawGroups = (element, drawing) => {
    const plotted = layout(drawing, { ...references(drawing), barmode: "group", bargap: 0.35 });
    if (drawing.groups.some((group) => group.mode === "bars")) {
      plotted.yaxis.rangemode = "tozero";
      plotted.xaxis.type = "category";
      const bars = new Set(coordinates(drawing, "x")).size;
      if (bars < 4) plotted.bargap = 1 - 0.16 * bars;
    }
    return Plotly.newPlot(element, [...drawing.groups.flatMap((group, i) => band(drawing, group, i)), ...drawing.groups.map(trace)], plotted, settings);
  };

  // A slider and a button below a figure, which show one frame after another.
  const addSlider = async (element, frames, draw, first) => {
    const controls = document.createElement("div");
    controls.className = "controls";
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: "Play" });
    const slider = Object.assign(document.createElement("input"), { type: "range", min: 0, max: frames.length - 1, value: 0 });
    slider.setAttribute("aria-label", "frame");
    const label = document.createElement("output");
    controls.append(button, slider, label);
    element.after(controls);

    const show = (i) => {
      label.textContent = frames[i].label;
      slider.value = i;
      return draw(frames[i]);
    };
    let timer = 0;
    const stop = () => {
      clearInterval(timer);
      timer = 0;
      button.textContent = "Play";
    };
    slider.addEventListener("input", () => { stop(); show(Number(slider.value)); });
    button.addEventListener("click", () => {
      if (timer) return stop();
      if (Number(slider.value) === frames.length - 1) show(0);
      button.textContent = "Pause";
      timer = setInterval(() => {
        const next = Number(slider.value) + 1;
        if (next >= frames.length) return stop();
        show(next);
      }, 160);
    });
    await show(first);
  };

  // Blue below zero, red above, white at zero, unless nothing is below: then white to red.
  const drawHeatmap = async (element, drawing) => {
    const frames = drawing.frames ?? [drawing];
    const values = frames.flatMap((frame) => frame.z.flat());
    const most = values.reduce((a, b) => Math.max(a, Math.abs(b)), 0) || 1, signed = values.some((value) => value < 0);
    const plotted = layout(drawing, { height: drawing.numeric ? 420 : Math.min(720, 140 + 26 * drawing.y.length) });
    element.style.minHeight = `${plotted.height}px`;
    Object.assign(plotted.xaxis, { type: drawing.numeric ? "linear" : "category", showgrid: false });
    Object.assign(plotted.yaxis, { type: drawing.numeric ? "linear" : "category", showgrid: false });
    if (!drawing.numeric) plotted.yaxis.autorange = "reversed";
    const names = (values) => (drawing.numeric ? values : values.map(text)), gap = drawing.numeric ? 0 : 1;
    const scale = [[0, signed ? colours[0] : "#ffffff"], [0.5, signed ? "#ffffff" : "#eda98a"], [1, colours[1]]];
    await Plotly.newPlot(element, [{
      type: "heatmap", x: names(drawing.x), y: names(drawing.y), z: frames[0].z, colorscale: scale,
      zmin: signed ? -most : 0, zmax: most, xgap: gap, ygap: gap, colorbar: { thickness: 12, outlinewidth: 0 },
    }], plotted, settings);
    if (frames.length > 1) await addSlider(element, frames, (frame) => Plotly.restyle(element, { z: [frame.z] }), 0);
  };

  const spread = (clouds, key) => {
    let low = Infinity, high = -Infinity;
    for (const cloud of clouds) {
      for (const value of cloud[key]) {
        if (value !== null && value < low) low = value;
        if (value !== null && value > high) high = value;
      }
    }
    const margin = 0.05 * (high - low || 1);
    return [low - margin, high + margin];
  };

  const drawAnimation = async (element, drawing) => {
    const { frames, background } = drawing;
    const clouds = background ? [background, ...frames] : frames;
    const dots = (cloud, colour, opacity) => ({
      type: "scatter", mode: "markers", name: text(cloud.label), x: cloud.x, y: cloud.y, hoverinfo: "skip",
      marker: { color: colour, size: cloud.x.length > 1000 ? 3.5 : 6, opacity },
    });
    const traces = [dots(frames[0], colours[0], 0.8)];
    if (background) traces.unshift(dots(background, "#aab3bf", 0.5));
    const moving = traces.length - 1;
    const fixed = layout(drawing, { height: 520 });
    Object.assign(fixed.xaxis, { range: spread(clouds, "x") });
    Object.assign(fixed.yaxis, { range: spread(clouds, "y"), scaleanchor: "x" });
    await Plotly.newPlot(element, traces, fixed, settings);

    return addSlider(element, frames, (frame) =>
      Plotly.restyle(element, { x: [frame.x], y: [frame.y], name: [text(frame.label)] }, [moving]), frames.length - 1);
  };

  const draw = { animation: drawAnimation, heatmap: drawHeatmap };
  const drawings = JSON.parse(document.getElementById("drawings").textContent);
  let ready = 0;
  for (const element of document.querySelectorAll(".plot")) {
    const drawing = drawings[Number(element.dataset.drawing)];
    try {
      await (draw[drawing.kind] ?? drawGroups)(element, drawing);
      ready += 1;
    } catch (error) {
      console.error(error);
      element.textContent = "This figure could not be drawn.";
    }
  }
  for (const picture of document.querySelectorAll("img.picture")) {
    try {
      await picture.decode();
      ready += 1;
    } catch (error) {
      console.error(error);
    }
  }
  document.body.dataset.ready = ready;
})();
