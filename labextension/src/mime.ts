// Shows `application/vnd.workbench.graph+json` as a drawing, in a live notebook and in one that was closed long ago.

import { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { Widget } from '@lumino/widgets';

import { Drawing } from './drawing';
import { IBundle } from './estate';

const MIME = 'application/vnd.workbench.graph+json';

/** The output of a cell: holds one drawing, made anew when the data change. */
class Frame extends Widget implements IRenderMime.IRenderer {
  async renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    const bundle = model.data[MIME] as unknown as IBundle;
    if (bundle === this.shown) {
      return; // only the metadata changed
    }
    this.shown = bundle;
    this.drawing?.dispose();
    this.drawing = new Drawing(bundle);
    this.node.append(this.drawing.node);
  }

  dispose(): void {
    this.drawing?.dispose();
    super.dispose();
  }

  private drawing: Drawing | null = null;
  private shown: IBundle | null = null;
}

const extension: IRenderMime.IExtension = {
  id: 'incident-workbench:map',
  description: 'Draws a part of the infrastructure graph.',
  rendererFactory: {
    safe: true, // every string of it is shown as text
    mimeTypes: [MIME],
    createRenderer: () => new Frame()
  },
  rank: 0, // before text/html, which the same output holds for elsewhere
  dataType: 'json'
};

export default extension;
