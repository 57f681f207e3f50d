// For the type checker only: what build.py puts beside the page, told by its packages' own types.

declare module "*/uplot/uPlot.esm.js" {
  import uPlot from "uplot";
  export default uPlot;
}

declare module "*/qrcode/qrcode.js" {
  import qrcode from "qrcode-generator";
  export default qrcode;
}

declare module "*/pyscript/core.js" {
  /** Resolves when scripts of the type ("py") are known to the page. */
  export function whenDefined(type: string): Promise<unknown>;
}

declare module "*/pyodide/pyodide.js" {
  export { loadPyodide, version } from "pyodide";
}

/** What PyScript adds to `<script type="py" worker>`: undefined until it has seen the element. */
interface HTMLScriptElement {
  xworker?: Worker & { ready: Promise<{ sync: Record<string, any> }>; sync: Record<string, any> };
}

// TypeScript's own DOM types have WebGPU's interfaces, but not its constants (7.0).
declare const GPUBufferUsage: Record<
  "MAP_READ" | "MAP_WRITE" | "COPY_SRC" | "COPY_DST" | "INDEX" | "VERTEX" | "UNIFORM" | "STORAGE" | "INDIRECT" | "QUERY_RESOLVE",
  number
>;
declare const GPUMapMode: Record<"READ" | "WRITE", number>;
declare const GPUShaderStage: Record<"VERTEX" | "FRAGMENT" | "COMPUTE", number>;

/** Where it was before GPUAdapterInfo had it; browsers of 2023 to 2025 know only this one. */
interface GPUAdapter {
  readonly isFallbackAdapter?: boolean;
}
