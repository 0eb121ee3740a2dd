// How reports look.
#pragma once

#include <string_view>

namespace flame::cli {

inline constexpr std::string_view kReportStyle = R"css(
:root { color-scheme: light dark; --page: #f6f6f8; --card: #fff; --text: #1b1b1f; --faint: #6a6a73;
  --line: #e4e4ea; --a: #2f63e0; --b: #c2410c; --c: #15803d; --good: #15803d; --bad: #b91c1c;
  --open: #a16207; --shade: 0 1px 2px rgb(0 0 0 / 6%), 0 4px 16px rgb(0 0 0 / 5%); }
@media (prefers-color-scheme: dark) { :root { --page: #131316; --card: #1d1d22; --text: #ececf1;
  --faint: #9b9ba6; --line: #303038; --a: #7ea4ff; --b: #fb923c; --c: #4ade80; --good: #4ade80;
  --bad: #f87171; --open: #facc15; --shade: none; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1180px; padding: 36px 24px 24px; background: var(--page);
  color: var(--text); font: 15px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 30px; line-height: 1.2; margin: 0; letter-spacing: -0.01em; display: inline; }
h2 { font-size: 19px; margin: 40px 0 12px; }
h3 { font-size: 15px; margin: 0 0 6px; }
td, th, li, p, b, figcaption, summary, pre { unicode-bidi: isolate; }
.chip { display: inline-block; vertical-align: 5px; margin-left: 10px; padding: 1px 11px;
  border-radius: 99px; font-size: 13px; font-weight: 600; border: 1px solid currentcolor; }
.finished { color: var(--good); } .open { color: var(--open); }
.failed, .warning { color: var(--bad); }
p.state { color: var(--faint); margin: 6px 0 22px; }
.card, .tiles div, .chart, .pair { background: var(--card); border-radius: 10px;
  box-shadow: var(--shade); }
.card { padding: 14px 18px; }
.card > :first-child { margin-top: 0; } .card > :last-child { margin-bottom: 0; }
p.failed { border-left: 4px solid; padding: 10px 14px; background: var(--card); border-radius: 6px;
  white-space: pre-wrap; }
.tiles { display: flex; flex-wrap: wrap; gap: 12px; margin: 0; }
.tiles div { padding: 11px 15px; flex: 1 0 auto; min-width: 120px; }
dt { color: var(--faint); font-size: 13px; }
dd { margin: 0; font-size: 19px; font-weight: 600; font-variant-numeric: tabular-nums; }
ul.proven, ul.told { list-style: none; padding: 0; margin: 16px 2px 0; }
ul.proven li::before { content: "✓"; color: var(--good); font-weight: 700; margin-right: 8px; }
.pairs { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(264px, 100%), 1fr));
  gap: 14px; }
.pair { margin: 0; padding: 10px 10px 8px; }
.pair div { display: grid; grid-template-columns: 1fr 1fr; gap: 8px; }
.pair span { color: var(--faint); font-size: 12px; }
.pair figcaption { font-size: 13px; margin-top: 6px; line-height: 1.35; }
img { display: block; width: 100%; border-radius: 6px; outline: 1px solid var(--line);
  outline-offset: -1px; }
img.small { image-rendering: pixelated; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(420px, 100%), 1fr));
  gap: 14px; }
.chart { margin: 0; padding: 12px 20px 34px 16px; }
.chart:first-child:nth-last-child(odd) { grid-column: 1 / -1; }
.chart figcaption { display: flex; flex-wrap: wrap; gap: 0 14px; font-size: 13px; }
.chart b { flex: 1; font-size: 14px; white-space: nowrap; }
.chart span { font-variant-numeric: tabular-nums; }
.chart span.raw { color: var(--faint); } .chart span.c0 { color: var(--a); }
.chart span.c1 { color: var(--b); } .chart span.c2 { color: var(--c); }
.plot { position: relative; height: 190px; margin: 12px 0 0 62px; }
.plot svg { width: 100%; height: 100%; overflow: visible; display: block; }
.plot i { position: absolute; font: 12px/14px system-ui, sans-serif; color: var(--faint);
  white-space: nowrap; font-variant-numeric: tabular-nums; }
.plot .y { right: calc(100% + 8px); transform: translateY(-50%); }
.plot .x { top: calc(100% + 8px); transform: translateX(-50%); }
svg path { fill: none; vector-effect: non-scaling-stroke; stroke-width: 2;
  stroke-linejoin: round; }
svg .grid { stroke: var(--line); stroke-width: 1; }
svg .area { fill: var(--a); fill-opacity: 0.07; stroke: none; }
svg .raw { stroke: var(--faint); stroke-width: 1; opacity: 0.45; }
svg .c0 { stroke: var(--a); } svg .c1 { stroke: var(--b); } svg .c2 { stroke: var(--c); }
svg .dots { stroke-width: 7; stroke-linecap: round; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { text-align: left; padding: 5px 14px 5px 0; border-bottom: 1px solid var(--line);
  vertical-align: top; overflow-wrap: break-word; }
th { color: var(--faint); font-weight: 500; font-size: 13px; }
tr:last-child td { border-bottom: 0; }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
code, pre { font: 13px/1.5 ui-monospace, monospace; }
code { overflow-wrap: anywhere; }
pre { margin: 12px 0 10px; overflow-x: auto; overflow-wrap: normal; }
.scroll { overflow-x: auto; }
.samples { width: auto; }
.samples th { min-width: 108px; max-width: 160px; vertical-align: bottom; line-height: 1.3; }
.samples th, .samples td { border: 0; padding: 4px; }
.samples tr > :first-child { position: sticky; left: 0; background: var(--card); min-width: 0;
  padding-right: 12px; white-space: nowrap; }
.two { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(380px, 100%), 1fr));
  gap: 0 24px; }
details { border-top: 1px solid var(--line); padding: 7px 0; }
summary { cursor: pointer; } details table { margin: 4px 0 8px; }
details td:first-child { width: 34%; }
footer { color: var(--faint); font-size: 13px; margin-top: 40px; }
@media (max-width: 560px) { body { padding: 20px 14px; } .chart { padding-left: 10px; }
  .plot { height: 160px; } .card { padding: 12px; } }
@media print { body { background: none; } .card, .tiles div, .chart, .pair { box-shadow: none;
  border: 1px solid var(--line); break-inside: avoid; } }
)css";

}  // namespace flame::cli
