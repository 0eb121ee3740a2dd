// How reports look.
#pragma once

#include <string_view>

namespace flame::cli {

inline constexpr std::string_view kReportStyle = R"css(
:root { color-scheme: light dark; --page: #fff; --text: #1c1c1e; --faint: #6b6b70; --line: #dedee3;
  --box: #f5f5f7; --a: #2563eb; --b: #c2410c; --c: #15803d; --bad: #b91c1c; }
@media (prefers-color-scheme: dark) { :root { --page: #161618; --text: #ececf0; --faint: #9a9aa2;
  --line: #34343a; --box: #202024; --a: #7aa2ff; --b: #fb923c; --c: #4ade80; --bad: #f87171; } }
body { margin: 0 auto; max-width: 1100px; padding: 24px; background: var(--page); color: var(--text);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 26px; margin: 0; } h2 { font-size: 19px; margin: 36px 0 12px; }
p.state { color: var(--faint); margin: 4px 0 20px; }
td, th, li, p, figcaption { unicode-bidi: isolate; overflow-wrap: anywhere; }
dl.tiles { display: flex; flex-wrap: wrap; gap: 10px; margin: 0; }
dl.tiles div { background: var(--box); border-radius: 8px; padding: 10px 14px; min-width: 120px; }
dt { color: var(--faint); font-size: 13px; } dd { margin: 0; font-size: 18px; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(420px, 1fr)); gap: 14px; }
svg.chart { width: 100%; height: auto; background: var(--box); border-radius: 8px; }
svg text { fill: var(--faint); font-size: 12px; } svg .title { fill: var(--text); font-size: 14px; }
svg .number, svg .legend { text-anchor: end; } svg .step { text-anchor: middle; }
svg .grid { stroke: var(--line); stroke-width: 1; }
svg .curve { fill: none; stroke-width: 2; stroke-linejoin: round; }
svg .raw { stroke: var(--faint); stroke-width: 1; opacity: 0.5; }
svg .c0 { stroke: var(--a); } svg .c1 { stroke: var(--b); } svg .c2 { stroke: var(--c); }
svg circle.c1 { fill: var(--b); } svg text.raw, svg text.c0, svg text.c1, svg text.c2 { stroke: none; }
svg text.raw { opacity: 1; } svg text.c0 { fill: var(--a); } svg text.c1 { fill: var(--b); }
svg text.c2 { fill: var(--c); }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { text-align: left; padding: 5px 12px 5px 0; border-bottom: 1px solid var(--line);
  vertical-align: top; } td.number { font-variant-numeric: tabular-nums; }
code { font: 13px ui-monospace, monospace; }
.scroll { overflow-x: auto; } .samples td { border: 0; padding: 4px; } .samples th { border: 0; }
.samples img { display: block; width: 100%; min-width: 96px; max-width: 384px; border-radius: 4px; }
.samples img.small { image-rendering: pixelated; }
.warning { color: var(--bad); } summary { cursor: pointer; }
)css";

}  // namespace flame::cli
