// Where the workbench shows in the lab besides its notebooks: left panel, launcher card, palette, status bar.

import { ILabShell, ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ILauncher } from '@jupyterlab/launcher';
import { IStatusBar } from '@jupyterlab/statusbar';
import { LabIcon } from '@jupyterlab/ui-components';
import { Widget } from '@lumino/widgets';

import { button } from './element';
import { Incidents } from './incidents';
import { inShort, Standing } from './standing';

const SHOW = 'workbench:show-incidents';
const REFRESH = 'workbench:refresh-incidents';
const CATEGORY = 'Incident workbench';

const icon = new LabIcon({
  name: 'incident-workbench:incidents',
  svgstr:
    '<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24"><path class="jp-icon3" fill="#616161" ' +
    'd="M3 13h4l2-7 4 14 3-10 1.5 3H21v2h-4.8l-.8-1.6L13 22.5 9 10l-.6 5H3z"/></svg>'
});

export const front: JupyterFrontEndPlugin<void> = {
  id: 'incident-workbench:front',
  description: 'Shows open incidents, what waits for a person, scans and budgets.',
  autoStart: true,
  optional: [ILabShell, ILayoutRestorer, ICommandPalette, ILauncher, IStatusBar],
  activate
};

function activate(
  app: JupyterFrontEnd,
  shell: ILabShell | null,
  restorer: ILayoutRestorer | null,
  palette: ICommandPalette | null,
  launcher: ILauncher | null,
  bar: IStatusBar | null
): void {
  const standing = new Standing(app.serviceManager.serverSettings);
  const panel = new Incidents(standing);
  panel.title.icon = icon;
  app.shell.add(panel, 'left', { rank: 150 });
  restorer?.add(panel, panel.id);

  const show = () => {
    shell?.expandLeft();
    app.shell.activateById(panel.id);
  };
  app.commands.addCommand(SHOW, { label: 'Incidents', caption: 'Show the open incidents', icon, execute: show });
  app.commands.addCommand(REFRESH, { label: 'Workbench: refresh the incidents', execute: () => standing.ask() });
  palette?.addItem({ command: SHOW, category: CATEGORY });
  palette?.addItem({ command: REFRESH, category: CATEGORY });
  launcher?.add({ command: SHOW, category: 'Other', rank: 0 });

  if (bar) {
    const item = new Widget();
    const line = button('', show, { class: 'wbi-status', title: 'Show the open incidents' });
    line.style.cssText = 'font:inherit;color:inherit;background:none;border:0;padding:0 6px;height:100%;cursor:pointer';
    item.node.append(line);
    standing.changed.connect(() => {
      const { known, problem } = standing;
      line.textContent = problem ? 'workbench: no answer' : known ? inShort(known) : '';
    });
    bar.registerStatusItem('incident-workbench:status', { item, align: 'left', rank: 5 });
  }
  standing.start(() => panel.isVisible);
}
