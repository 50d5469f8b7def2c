// Charts from numbers that the page carries in data-chart. To whoever sees none, the element says in a sentence
// what it shows, and a table beside it has the same figures.
// {"kind": "bar" | "line" | "rank", "labels": […], "series": [{"name", "values", "quiet"?}], "unit": "fen" | "",
//  "links"?: where a click on each label's bar leads}

import { BarChart, LineChart } from "echarts/charts";
import { GridComponent, LegendComponent, TooltipComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import { yuan } from "./fen.js";

use([BarChart, LineChart, GridComponent, TooltipComponent, LegendComponent, CanvasRenderer]);

const GREEN = "#07803f";
const QUIET = "#a3b3aa";
const INK = "#48554d";
const LINE = "#e3e9e5";
const FONT = 'system-ui, -apple-system, "PingFang SC", "Noto Sans SC", "Microsoft YaHei", sans-serif';

function exact(value, unit) {
  return unit === "fen" ? "¥" + yuan(BigInt(value ?? 0)) : String(value ?? 0);
}

// On an axis a round figure is enough: ¥12k for ¥12,000.00.
function brief(value, unit) {
  const number = unit === "fen" ? value / 100 : value;
  const text = Math.abs(number) >= 10000 ? +(number / 1000).toFixed(1) + "k" : String(+number.toFixed(2));
  return unit === "fen" ? "¥" + text : text;
}

function seriesOf(series, data) {
  const color = series.quiet ? QUIET : GREEN;
  const common = { name: series.name, data: series.values, itemStyle: { color }, animation: false };
  if (series.quiet || data.kind === "line") {
    const lineStyle = { color, width: 2, type: series.quiet ? "dashed" : "solid" };
    return { ...common, type: "line", symbol: series.quiet ? "none" : "circle", symbolSize: 6, lineStyle };
  }
  const round = data.kind === "rank" ? [0, 3, 3, 0] : [3, 3, 0, 0];
  return { ...common, type: "bar", barMaxWidth: 32, itemStyle: { color, borderRadius: round } };
}

function options(data) {
  const text = { color: INK, fontFamily: FONT, fontSize: 12 };
  const names = {
    type: "category",
    data: data.labels,
    inverse: data.kind === "rank",
    axisLine: { lineStyle: { color: LINE } },
    axisTick: { show: false },
    axisLabel: { ...text, hideOverlap: data.kind !== "rank", width: 150, overflow: "truncate" },
  };
  const numbers = {
    type: "value",
    splitLine: { lineStyle: { color: LINE } },
    axisLabel: { ...text, formatter: (value) => brief(value, data.unit), hideOverlap: true },
  };
  const isRank = data.kind === "rank";
  return {
    textStyle: { fontFamily: FONT },
    grid: { left: 8, right: 16, top: data.series.length > 1 ? 36 : 12, bottom: 4, containLabel: true },
    legend: { show: data.series.length > 1, top: 0, right: 0, textStyle: text, itemWidth: 18 },
    tooltip: {
      trigger: "axis",
      renderMode: "richText", // the other mode writes inline styles, which our policy refuses
      confine: true,
      axisPointer: { type: isRank || data.kind === "bar" ? "shadow" : "line" },
      formatter: (points) =>
        [points[0].name, ...points.map((p) => `${p.seriesName}  ${exact(p.value, data.unit)}`)].join("\n"),
    },
    xAxis: isRank ? numbers : names,
    yAxis: isRank ? names : numbers,
    series: data.series.map((series) => seriesOf(series, data)),
  };
}

const seen = new Map();

function draw(root) {
  for (const [element, chart] of seen) {
    if (element.isConnected) continue;
    chart.dispose();
    seen.delete(element);
  }
  for (const element of root.querySelectorAll("[data-chart]")) {
    if (seen.has(element)) continue;
    const chart = init(element, null, { renderer: "canvas" });
    const data = JSON.parse(element.dataset.chart);
    chart.setOption(options(data));
    if (data.links) chart.on("click", (bar) => location.assign(data.links[bar.dataIndex]));
    new ResizeObserver(() => element.isConnected && chart.resize()).observe(element);
    seen.set(element, chart);
  }
}

document.body.addEventListener("htmx:load", (event) => draw(event.target));
draw(document);
