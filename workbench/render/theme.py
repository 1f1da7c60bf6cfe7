"""One stylesheet for every view: JupyterLab's variables, with fall-backs for elsewhere.

Red and amber mean severity, the brand colour what is selected; all else is ink and grey.
"""

from __future__ import annotations

from workbench.render.markup import Html

_RULES = """
.wb{--ink:var(--jp-ui-font-color1,CanvasText);--paper:var(--jp-layout-color0,Canvas);
--mute:color-mix(in srgb,var(--ink) 76%,var(--paper));--faint:color-mix(in srgb,var(--ink) 40%,var(--paper));
--line:color-mix(in srgb,var(--ink) 18%,var(--paper));--wash:color-mix(in srgb,var(--ink) 6%,var(--paper));
--brand:var(--jp-brand-color1,#1976d2);--red:var(--jp-error-color1,#d32f2f);--amber:var(--jp-warn-color1,#b26a00);
color:var(--ink);font:13px/1.45 var(--jp-ui-font-family,system-ui,sans-serif);font-variant-numeric:tabular-nums;
max-width:1180px;overflow-wrap:break-word}
.wb.wb .any,.wb.wb .say,.wb.wb .claim,.wb.wb pre,.wb.wb code{overflow-wrap:anywhere}
.wb.wb *{box-sizing:border-box}
.wb.wb p{margin:0 0 6px}
.wb.wb .say{font-size:15px;font-weight:600;margin:0 0 6px}
.wb.wb .mute{color:var(--mute)}
.wb.wb .small{font-size:12px}
.wb.wb code,.wb.wb pre{font:12px/1.4 var(--jp-code-font-family,monospace);color:var(--ink);background:var(--wash);
padding:0 3px;white-space:pre-wrap;margin:0;border:0}
.wb.wb pre{padding:4px 6px;margin:2px 0}
.wb.wb a{color:var(--ink);text-decoration:underline;text-decoration-color:var(--brand);text-underline-offset:2px}
.wb.wb table{border-collapse:collapse;margin:0;width:100%;table-layout:auto;font:inherit;border:0}
.wb.wb tr,.wb.wb tbody tr:nth-child(odd),.wb.wb tbody tr:nth-child(even),.wb.wb tbody tr:hover{background:none}
.wb.wb th,.wb.wb td{text-align:left;vertical-align:top;padding:3px 14px 3px 0;border:0;max-width:none;font-weight:400;
white-space:normal}
.wb.wb thead th{color:var(--mute);font-size:12px;border-bottom:1px solid var(--line);white-space:nowrap}
.wb.wb .rows>tbody>tr>td{border-bottom:1px solid var(--line);padding-top:6px;padding-bottom:6px}
.wb.wb .board{table-layout:fixed}
.wb.wb .board td{overflow-wrap:anywhere}
.wb.wb .board tr>*:nth-child(1){width:26px}.wb.wb .board tr>*:nth-child(3){width:23%}
.wb.wb .board tr>*:nth-child(4){width:33%}.wb.wb .board tr>*:nth-child(5){width:110px}
.wb.wb .sides{table-layout:fixed;margin-bottom:10px}.wb.wb .sides td{overflow-wrap:anywhere}
.wb.wb .sides tr>*:nth-child(1){width:24%}
.wb.wb .num{text-align:right;white-space:nowrap}
.wb.wb .lead th{color:var(--mute);width:92px;white-space:nowrap}
.wb.wb .pairs th{color:var(--mute);width:150px}
.wb.wb .lead td{padding-right:0}
.wb.wb .rule{border:0;border-top:1px solid var(--line);margin:7px 0;height:0}
.wb.wb .head{display:flex;flex-wrap:wrap;gap:2px 18px;align-items:baseline}
.wb.wb .head .title{font-size:18px;font-weight:600;overflow-wrap:anywhere;min-width:0}
.wb.wb .head>*{min-width:0}
.wb.wb .head .end{margin-left:auto}
.wb.wb .links a{margin-left:12px;white-space:nowrap}
.wb.wb .sev{font-size:12px;font-weight:700;letter-spacing:.06em;padding:1px 8px;border-left:5px solid var(--mute);
background:var(--wash)}
.wb.wb .sev-critical{border-color:var(--red);background:color-mix(in srgb,var(--red) 16%,var(--paper))}
.wb.wb .sev-warning{border-color:var(--amber);background:color-mix(in srgb,var(--amber) 18%,var(--paper))}
.wb.wb .claim{font-size:15px;font-weight:600}
.wb.wb .sure{white-space:nowrap;display:inline-flex;align-items:center;gap:8px}
.wb.wb .bar{display:inline-block;width:96px;height:8px;border:1px solid var(--mute);vertical-align:middle}
.wb.wb .bar>span{display:block;height:100%;background:var(--mute)}
.wb.wb .top .bar>span{background:var(--brand)}
.wb.wb .chips{display:flex;flex-wrap:wrap;gap:4px}
.wb.wb .chip{border:1px solid var(--line);border-radius:3px;padding:0 6px;font-size:12px;max-width:100%}
.wb.wb .chip b{font-weight:600;color:var(--mute);margin-right:4px}
.wb.wb .chip.against{border-style:dashed}
.wb.wb .out td{color:var(--mute)}
.wb.wb .below{margin-top:10px;padding-top:6px;border-top:2px solid var(--line)}
.wb.wb details{margin:4px 0 0}
.wb.wb summary{cursor:pointer;color:var(--mute);font-size:12px}
.wb.wb summary:focus-visible,.wb.wb a:focus-visible{outline:2px solid var(--brand);outline-offset:2px}
.wb.wb .also{display:flex;flex-wrap:wrap;gap:2px 22px;align-items:baseline}
.wb.wb .wb-drawn{display:block!important}
.wb.wb .wb-instead{display:none}
.wb.wb .charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(235px,1fr));gap:10px 18px}
.wb.wb svg{display:block;max-width:100%;height:auto;overflow:visible}
.wb.wb .charts svg{width:100%}
.wb.wb svg text{font:11px var(--jp-ui-font-family,system-ui,sans-serif);fill:var(--ink);stroke:none}
.wb.wb svg .t{font-size:11.5px;font-weight:600}
.wb.wb svg .m{fill:var(--mute)}
.wb.wb svg .e{text-anchor:end}
.wb.wb svg .c{text-anchor:middle}
.wb.wb svg .halo{paint-order:stroke;stroke:var(--paper);stroke-width:4px;stroke-linejoin:round}
.wb.wb svg .axis{stroke:var(--faint);stroke-width:1;fill:none}
.wb.wb svg .gridline{stroke:var(--line);stroke-width:1;fill:none}
.wb.wb svg .before{fill:var(--wash);stroke:none}
.wb.wb svg .series{stroke:var(--ink);stroke-width:1.75;fill:none;stroke-linejoin:round}
.wb.wb svg .sibling{stroke:var(--faint);stroke-width:1;fill:none}
.wb.wb svg .band{fill:var(--line);stroke:none;opacity:.7}
.wb.wb svg .change{stroke:var(--brand);stroke-width:1.5;fill:none}
.wb.wb svg .event{stroke:var(--mute);stroke-width:1;stroke-dasharray:2 3;fill:none}
.wb.wb svg .dot{fill:var(--ink);stroke:none}
.wb.wb svg .node{fill:var(--paper);stroke:var(--mute);stroke-width:1.2}
.wb.wb svg .suspect{stroke:var(--brand);stroke-width:3}
.wb.wb svg .alerting{stroke:var(--red);stroke-width:2.5}
.wb.wb svg .alerting.sev-warning{stroke:var(--amber)}
.wb.wb svg .edge{stroke:var(--mute);stroke-width:1.2;fill:none}
.wb.wb svg .path{stroke:var(--ink);stroke-width:3}
.wb.wb svg .inferred{stroke-dasharray:5 4}
.wb.wb svg .stale{opacity:.55}
.wb.wb svg .tip{fill:var(--mute);stroke:none}
.wb.wb svg .tip.path{fill:var(--ink);stroke:none}
.wb.wb svg .focus{stroke:var(--ink);stroke-width:2.6}
.wb.wb svg text.focus{stroke:none;font-weight:800}
.wb.wb svg .gone{stroke-dasharray:1.5 4}
.wb.wb svg .district{fill:var(--wash);stroke:var(--line);stroke-width:1}
.wb.wb svg .tile{fill:var(--line);stroke:none}
.wb.wb svg .acts{fill:var(--faint)}
.wb.wb svg .far{stroke:var(--faint);stroke-width:1}
.wb.wb svg .tip.far{fill:var(--faint);stroke:none}
.wb.wb .none{border:1px dashed var(--faint);padding:22px 16px;color:var(--mute)}
.wb.wb svg .wait{fill:var(--line);stroke:none}
.wb.wb svg .self{fill:var(--mute);stroke:none}
.wb.wb svg .hot .self{fill:var(--ink)}
.wb.wb svg .hot text.name{font-weight:700}
.wb.wb svg .fault{fill:none;stroke:var(--red);stroke-width:1.5}
.wb.wb svg .median{stroke:var(--brand);stroke-width:2}
.wb.wb .var{color:var(--mute);border-bottom:1px dotted var(--faint)}
.wb.wb .glyph{display:inline-block;width:1.4em}
@media print{.wb{color:#000}}
"""

STYLE = Html("<style>" + _RULES.replace("\n", "") + "</style>")
"""Scoped by the class `wb`; said once a view, since a view may be shown, copied or exported alone."""
