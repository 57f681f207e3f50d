// WebGPU in the tab, for pygpt/devices/browser.py. Everything that would cost a proxy a call lives on this side:
// buffers, pipelines, launches and recordings are kept here and named by small integers, so that Python passes numbers,
// and a recorded training step is one call.

/**
 * Ask the browser for an adapter.
 * @returns {Promise<GPUAdapter | null>} null where there is no WebGPU, or no adapter.
 */
export async function requestAdapter() {
  if (!navigator.gpu) return null;
  return navigator.gpu.requestAdapter({ powerPreference: 'high-performance' });
}

/**
 * What an adapter says of itself.
 * @param {GPUAdapter} adapter
 */
export function describe(adapter) {
  const info = adapter.info ?? {};
  const words = [info.vendor, info.architecture, info.device, info.description].filter(Boolean);
  const name = [...new Set(words)].join(' ') || 'WebGPU adapter';
  const software = Boolean(info.isFallbackAdapter ?? adapter.isFallbackAdapter)
    || /swiftshader|llvmpipe|lavapipe|software|basic render/i.test(name);
  return { name, software };
}

/**
 * Open an adapter with the largest buffers it has.
 * @param {GPUAdapter} adapter
 */
export async function open(adapter) {
  const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits;
  const device = await adapter.requestDevice({ requiredLimits: { maxBufferSize, maxStorageBufferBindingSize } });
  return new Gpu(device, Math.min(maxBufferSize, maxStorageBufferBindingSize, 2 ** 31 - 4));
}

class Gpu {
  /** @param {GPUDevice} device @param {number} bufferLimit */
  constructor(device, bufferLimit) {
    this.device = device;
    this.bufferLimit = bufferLimit;
    /** The first error the device reported late, and whether it is gone. */
    this.error = '';
    this.lost = '';
    this.next = 1;
    /** @type {Map<number, GPUBuffer>} */ this.buffers = new Map();
    /** @type {Map<number, any>} */ this.launches = new Map();
    /** @type {Map<number, any[]>} */ this.plans = new Map();
    /** @type {any[]} */ this.pipelines = [];
    /** @type {Map<string, GPUShaderModule>} */ this.modules = new Map();
    /** @type {Map<number, GPUBuffer[]>} */ this.staging = new Map();
    device.addEventListener('uncapturederror', (event) => { this.error ||= event.error.message; });
    device.lost.then((info) => { this.lost = `${info.reason}: ${info.message}`; });
    // What stands in for an optional input that is absent: a shader binds it and does not read it.
    this.buffers.set(0, device.createBuffer({ size: 256, usage: GPUBufferUsage.STORAGE }));
  }

  /** @param {number} size */
  create(size) {
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    this.buffers.set(this.next, this.device.createBuffer({ size, usage }));
    return this.next++;
  }

  /** @param {number} id */
  destroy(id) {
    this.buffers.get(id)?.destroy();
    this.buffers.delete(id);
  }

  /** @param {number} id @param {number} offset @param {Uint8Array} data */
  write(id, offset, data) {
    this.device.queue.writeBuffer(/** @type {GPUBuffer} */ (this.buffers.get(id)), offset, data);
  }

  /**
   * A pipeline for a shader with its override constants; the first `inputs` bindings are read-only.
   * @param {string} name @param {string} code @param {string} constants JSON
   * @param {number} inputs @param {number} bindings
   */
  pipeline(name, code, constants, inputs, bindings) {
    let module = this.modules.get(name);
    if (!module) {
      module = this.device.createShaderModule({ label: name, code });
      this.modules.set(name, module);
    }
    const entries = [];
    for (let binding = 0; binding < bindings; binding++) {
      const type = /** @type {GPUBufferBindingType} */ (binding < inputs ? 'read-only-storage' : 'storage');
      entries.push({ binding, visibility: GPUShaderStage.COMPUTE, buffer: { type } });
    }
    const layout = this.device.createBindGroupLayout({ entries });
    const pipeline = this.device.createComputePipeline({
      label: name,
      layout: this.device.createPipelineLayout({ bindGroupLayouts: [layout] }),
      compute: { module, entryPoint: 'main', constants: JSON.parse(constants) },
    });
    this.pipelines.push({ pipeline, layout });
    return this.pipelines.length - 1;
  }

  /**
   * Bind operands to a pipeline. They come flat: buffer, offset and size in bytes of each.
   * @param {number} index @param {number} x @param {number} y @param {number} z @param {number[]} operands
   */
  prepare(index, x, y, z, ...operands) {
    const { pipeline, layout } = this.pipelines[index];
    const entries = [];
    for (let at = 0; at < operands.length; at += 3) {
      const buffer = /** @type {GPUBuffer} */ (this.buffers.get(operands[at]));
      entries.push({ binding: at / 3, resource: { buffer, offset: operands[at + 1], size: operands[at + 2] } });
    }
    this.launches.set(this.next, { pipeline, group: this.device.createBindGroup({ layout, entries }), x, y, z });
    return this.next++;
  }

  /** @param {any[]} launches */
  encode(launches) {
    const encoder = this.device.createCommandEncoder();
    const sweep = encoder.beginComputePass();
    for (const { pipeline, group, x, y, z } of launches) {
      sweep.setPipeline(pipeline);
      sweep.setBindGroup(0, group);
      sweep.dispatchWorkgroups(x, y, z);
    }
    sweep.end();
    this.device.queue.submit([encoder.finish()]);
  }

  /**
   * Send launches as one pass, and forget them unless a recording will want them.
   * @param {number} first @param {number} last @param {boolean} keep
   */
  submit(first, last, keep) {
    const launches = [];
    for (let id = first; id <= last; id++) {
      // Buffers and plans share the numbering, so some of these numbers are no launches.
      const launch = this.launches.get(id);
      if (!launch) continue;
      launches.push(launch);
      if (!keep) this.launches.delete(id);
    }
    this.encode(launches);
  }

  /**
   * Keep a recording's launches as a plan.
   * @param {number} first @param {number} last
   */
  seal(first, last) {
    const launches = [];
    for (let id = first; id <= last; id++) {
      const launch = this.launches.get(id);
      if (launch) launches.push(launch);
      this.launches.delete(id);
    }
    this.plans.set(this.next, launches);
    return this.next++;
  }

  /** @param {number} plan */
  replay(plan) {
    this.encode(/** @type {any[]} */ (this.plans.get(plan)));
  }

  /** @param {number} plan */
  forget(plan) {
    this.plans.delete(plan);
  }

  /**
   * The bytes of a buffer's range, once all work before this has been done.
   * @param {number} id @param {number} offset @param {number} size
   */
  async fetch(id, offset, size) {
    const free = this.staging.get(size) ?? [];
    this.staging.set(size, free);
    const staging = free.pop()
      ?? this.device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
    const encoder = this.device.createCommandEncoder();
    encoder.copyBufferToBuffer(/** @type {GPUBuffer} */ (this.buffers.get(id)), offset, staging, 0, size);
    this.device.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ);
    const copy = new Uint8Array(staging.getMappedRange()).slice();
    staging.unmap();
    // Small ones are read ten times a second; a large one is read for a checkpoint, and would only sit there.
    if (size <= 65536) free.push(staging);
    else staging.destroy();
    return copy;
  }

  close() {
    this.device.destroy();
  }
}
