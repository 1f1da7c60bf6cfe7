// The stylesheet of the drawing's frame: JupyterLab's variables only, so that it follows the theme.

const RULES = `
.wbm{--wbm-mute:color-mix(in srgb,var(--jp-ui-font-color1) 76%,var(--jp-layout-color0));
--wbm-line:color-mix(in srgb,var(--jp-ui-font-color1) 18%,var(--jp-layout-color0));
--wbm-wash:color-mix(in srgb,var(--jp-ui-font-color1) 6%,var(--jp-layout-color0));
color:var(--jp-ui-font-color1);background:var(--jp-layout-color0);font:13px/1.45 var(--jp-ui-font-family);
max-width:1180px;padding:4px 8px 6px 4px;box-sizing:border-box}
.wbm *{box-sizing:border-box}
.wbm p,.wbm h3,.wbm h4{margin:0;font:inherit}
.wbm .wbm-say{font-size:15px;font-weight:600;margin:0 0 6px;overflow-wrap:anywhere}
.wbm .wbm-mute{color:var(--wbm-mute);font-size:12px}
.wbm button{font:inherit;color:inherit;background:none;border:1px solid var(--wbm-line);border-radius:3px;padding:1px 8px;
cursor:pointer}
.wbm button:hover{background:var(--wbm-wash)}
.wbm button:focus-visible,.wbm input:focus-visible,.wbm h3:focus-visible,.wbm-canvas:focus-visible{
outline:2px solid var(--jp-brand-color1);outline-offset:1px}
.wbm-bar{display:flex;flex-wrap:wrap;gap:6px 14px;align-items:center;margin-bottom:6px}
.wbm-finder{position:relative;display:flex;align-items:center;gap:8px}
.wbm-finder input{width:300px;font:inherit;color:inherit;background:var(--jp-layout-color0);
border:1px solid var(--wbm-mute);border-radius:3px;padding:4px 8px}
.wbm-finder input:not(:placeholder-shown){padding-right:100px}
.wbm-finder .wbm-status{position:absolute;right:30px;pointer-events:none}
.wbm-finder input::placeholder{color:var(--wbm-mute);opacity:1}
.wbm-found{position:absolute;z-index:20;top:100%;left:0;width:400px;max-height:300px;overflow-y:auto;margin:2px 0 0;padding:3px;
list-style:none;background:var(--jp-layout-color0);border:1px solid var(--wbm-mute);border-radius:3px;
box-shadow:0 3px 10px rgb(0 0 0/.22)}
.wbm-found[hidden],.wbm-panel[hidden]{display:none}
.wbm-found li{padding:2px 8px;cursor:pointer;overflow:hidden;text-overflow:ellipsis;white-space:nowrap;color:var(--wbm-mute)}
.wbm-found li b{color:var(--jp-ui-font-color1);font-weight:600}
.wbm-found li[aria-selected=true]{background:var(--wbm-wash);box-shadow:inset 3px 0 var(--jp-brand-color1)}
.wbm-switches{display:flex;flex-wrap:wrap;gap:4px;align-items:center}
.wbm-switches button{font-size:12px}
.wbm-switches button[aria-pressed=false]{text-decoration:line-through;color:var(--wbm-mute);border-style:dashed}
.wbm-zoom{margin-left:auto;display:flex;gap:4px}
.wbm-zoom button{min-width:28px}
.wbm-stage{display:flex;border:1px solid var(--wbm-line);height:420px;min-height:180px;resize:vertical;overflow:hidden;
position:relative}
.wbm-canvas{flex:1;min-width:0;position:relative;overflow:hidden}
.wbm-panel{flex:0 0 340px;min-width:0;border-left:1px solid var(--wbm-line);display:flex;flex-direction:column;
padding:8px 4px 4px 12px}
.wbm-panel header{display:flex;align-items:flex-start;gap:8px}
.wbm-panel h3{flex:1;min-width:0;font-size:15px;font-weight:600;overflow-wrap:anywhere}
.wbm-panel .wbm-close{padding:0 8px;margin-right:4px}
.wbm-panel h4{color:var(--wbm-mute);font-size:12px;margin:10px 0 2px;border-bottom:1px solid var(--wbm-line)}
.wbm-facts{overflow-y:auto;flex:1;padding-right:8px}
.wbm-fact{padding:3px 0;overflow-wrap:anywhere}
.wbm-fact code{font:12px/1.4 var(--jp-code-font-family);color:inherit;background:var(--wbm-wash);padding:0 3px}
.wbm button.wbm-name{border:0;padding:0;font-weight:600;text-align:left;text-decoration:underline;
text-decoration-color:var(--jp-brand-color1);text-underline-offset:2px;overflow-wrap:anywhere}
.wbm-relation{color:var(--wbm-mute)}
.wbm-key{margin-top:4px!important}
`;

const ID = 'workbench-map-style';

/** Put the stylesheet into the page, once. */
export function dressPage(): void {
  if (!document.getElementById(ID)) {
    const style = document.createElement('style');
    style.id = ID;
    style.textContent = RULES;
    document.head.append(style);
  }
}
