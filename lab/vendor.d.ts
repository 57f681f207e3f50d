// For the type checker only: what build.py puts beside the page, told by its packages' own types.

declare module "*/uplot/uPlot.esm.js" {
  import uPlot from "uplot";
  export default uPlot;
}

declare module "*/pyscript/core.js" {
  /** Resolves when scripts of the type ("py") are known to the page. */
  export function whenDefined(type: string): Promise<unknown>;
}

/** What PyScript adds to `<script type="py" worker>`: undefined until it has seen the element. */
interface HTMLScriptElement {
  xworker?: Worker & { ready: Promise<{ sync: Record<string, any> }>; sync: Record<string, any> };
}
