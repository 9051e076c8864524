// SPDX-License-Identifier: Apache-2.0
// The style sheet of a report: light and dark as the reader's system is, and fit to be printed.
#pragma once

#include <string_view>

namespace hillstar::cli::doc {

inline constexpr std::string_view kStyle = R"css(
:root{color-scheme:light dark;--bg:#fff;--fg:#1c2128;--faint:#59636e;--line:#d1d9e0;--soft:#f6f8fa;--link:#0550ae;
--good:#1a7f37;--bad:#cf222e;--warn:#9a6700;--model:#1565c0;--script:#a84300;--read:#7b1fa2;--write:#2e7d32;
--git:#37474f;--mark:#ad1457}
@media (prefers-color-scheme:dark){:root{--bg:#0d1117;--fg:#e6edf3;--faint:#9198a1;--line:#3d444d;--soft:#151b23;
--link:#79b8ff;--good:#3fb950;--bad:#f85149;--warn:#d29922;--git:#546e7a}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1040px;padding:24px;background:var(--bg);color:var(--fg);
font:15px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
h1{font-size:26px;margin:0 0 12px}h2{font-size:20px;margin:36px 0 10px;border-bottom:1px solid var(--line)}
h3{font-size:15px;margin:16px 0 6px}
a{color:var(--link)}p{margin:8px 0}nav a{display:inline-block;margin-right:14px}
table{border-collapse:collapse;margin:8px 0}
th,td{border-bottom:1px solid var(--line);padding:3px 12px 3px 0;text-align:left;vertical-align:top;
unicode-bidi:isolate}
th{color:var(--faint);font-weight:600}.num{text-align:right;white-space:nowrap}
.time{white-space:nowrap}.facts th{white-space:nowrap}
pre,code{font:13px/1.45 ui-monospace,monospace}
pre{background:var(--soft);border:1px solid var(--line);border-radius:5px;margin:4px 0 10px;padding:8px 10px;
max-height:32em;overflow:auto;white-space:pre-wrap;unicode-bidi:plaintext}
.wide{overflow-x:auto}.wide th,.wide td{overflow-wrap:break-word;max-width:36em}
.faint{color:var(--faint)}.completed,.approved{color:var(--good)}.failed,.cancelled,.rejected{color:var(--bad)}
.paused,.waiting,.held,.lost,.stopped{color:var(--warn)}
details{border:1px solid var(--line);border-radius:5px;margin:8px 0;padding:6px 12px}
summary{cursor:pointer}summary b{margin-right:8px}
svg.fit,svg.timeline{max-width:100%;height:auto}
svg text{fill:var(--fg);font:13px system-ui,sans-serif}svg text.small{font-size:11px;fill:var(--faint)}
.edge{fill:none;stroke:var(--faint);stroke-width:1.3}.head{fill:var(--faint)}
.node rect{stroke:var(--line);stroke-width:1;fill:var(--git)}.node text,.node text.small{fill:#fff}
.t-model_call rect{fill:var(--model)}.t-script_run rect{fill:var(--script)}.t-file_read rect{fill:var(--read)}
.t-file_write rect{fill:var(--write)}.t-checkpoint rect{fill:var(--mark)}
.s-completed rect{stroke:var(--good);stroke-width:3}.s-failed rect{stroke:var(--bad);stroke-width:4}
.s-lost rect,.s-stopped rect,.s-held rect,.s-running rect{stroke:var(--warn);stroke-width:4}
.s-skipped,.s-not_run,.s-waiting{opacity:.55}.s-skipped rect,.s-not_run rect{stroke-dasharray:5 4}
.bar.ok{fill:var(--good)}.bar.bad{fill:var(--bad)}.bar.lost{fill:var(--warn)}.bar.open{fill:var(--link)}
.tick{stroke:var(--line)}.pause{fill:var(--line);opacity:.6}
@media print{:root{color-scheme:light;--bg:#fff;--fg:#000;--faint:#444;--line:#bbb;--soft:#fff;--link:#000}
body{max-width:none;padding:0;font-size:11px}nav{display:none}pre{max-height:none;overflow:visible;font-size:10px}
svg{max-width:100%;height:auto}svg *{print-color-adjust:exact;-webkit-print-color-adjust:exact}
details{border:0;padding:0}details::details-content{content-visibility:visible;display:block;block-size:auto}
h2,h3,summary{break-after:avoid}tr{break-inside:avoid}}
)css";

}  // namespace hillstar::cli::doc
