// The theme's colours for a canvas, which knows no CSS variables.

/** Colours as `rgb(...)`. */
export interface IPalette {
  ink: string;
  paper: string;
  mute: string;
  faint: string;
  line: string;
  wash: string;
  brand: string;
  font: string;
}

/** Read JupyterLab's variables as they hold at the host. */
export function palette(host: HTMLElement): IPalette {
  const probe = document.createElement('span');
  probe.style.display = 'none';
  host.append(probe);
  const read = (value: string): number[] => {
    probe.style.color = '';
    probe.style.color = value;
    return (getComputedStyle(probe).color.match(/[\d.]+/g) ?? ['0', '0', '0']).map(Number);
  };
  const paper = read('var(--jp-layout-color0, Canvas)');
  const [r, g, b, alpha = 1] = read('var(--jp-ui-font-color1, CanvasText)');
  const ink = mix([r!, g!, b!], paper, alpha);
  const brand = read('var(--jp-brand-color1, #1976d2)');
  const font = getComputedStyle(host).fontFamily || 'sans-serif';
  probe.remove();
  const toward = (share: number) => css(mix(ink, paper, share));
  return {
    ink: css(ink),
    paper: css(paper),
    mute: toward(0.76),
    faint: toward(0.4),
    line: toward(0.18),
    wash: toward(0.06),
    brand: css(brand),
    font
  };
}

function mix(a: number[], b: number[], share: number): number[] {
  return [0, 1, 2].map(i => Math.round(a[i]! * share + b[i]! * (1 - share)));
}

function css(colour: number[]): string {
  return `rgb(${colour.slice(0, 3).join(',')})`;
}
