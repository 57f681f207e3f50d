// WebGPU in the tab, for pygpt/devices/browser.py. Everything that would cost a proxy a call lives on this side:
// buffers, pipelines, launches and recordings are kept here and named by small integers, so that Python passes numbers,
// and a recorded training step is one call.
//
// Pipelines are compiled in the background, side by side, from the moment Python first names them: software adapters and
// some drivers take 10 to 100 ms for one, and a training step wants fifty. Until the pipelines of a piece of work are
// there, it waits in a line, and with it whatever was asked for later (writes, reads, buffers let go), so that the order
// is Python's. Once nothing compiles the line is empty, and calls go straight through.

const MOST_TIMED = 2048; // launches: a set holds 4,096 queries, and a launch takes two

/** @typedef {{ pipeline: GPUComputePipeline | null, layout: GPUBindGroupLayout }} Slot */
/** @typedef {{ slot: Slot, group: GPUBindGroup, x: number, y: number, z: number }} Launch */

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
  const requiredFeatures = /** @type {GPUFeatureName[]} */ (['timestamp-query']).filter((name) => adapter.features.has(name));
  const requiredLimits = { maxBufferSize, maxStorageBufferBindingSize };
  const device = await adapter.requestDevice({ requiredFeatures, requiredLimits });
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
    /** @type {Map<number, Launch>} */ this.launches = new Map();
    /** @type {Map<number, Launch[]>} */ this.plans = new Map();
    /** @type {Slot[]} */ this.pipelines = [];
    /** How many pipelines are being compiled (and replays timed by the clock), and the work that waits for them. */
    this.compiling = 0;
    this.clocked = false;
    /** @type {{ deed: () => void, launches: Launch[] }[]} */ this.line = [];
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

  /**
   * A small buffer of fixed numbers.
   * @param {Uint8Array} data
   */
  uniform(data) {
    const buffer = this.device.createBuffer({ size: data.length, usage: GPUBufferUsage.UNIFORM, mappedAtCreation: true });
    new Uint8Array(buffer.getMappedRange()).set(data);
    buffer.unmap();
    this.buffers.set(this.next, buffer);
    return this.next++;
  }

  /** @param {number} id */
  destroy(id) {
    const buffer = this.buffers.get(id);
    this.buffers.delete(id);
    this.inOrder(() => buffer?.destroy());
  }

  /** @param {number} id @param {number} offset @param {Uint8Array} data */
  write(id, offset, data) {
    const buffer = /** @type {GPUBuffer} */ (this.buffers.get(id));
    this.inOrder(() => this.device.queue.writeBuffer(buffer, offset, data));
  }

  /**
   * Do something once the pipelines of `launches` are there and all that was asked for before has been done: as a rule, now.
   * @param {() => void} deed @param {Launch[]} launches
   */
  inOrder(deed, launches = []) {
    if (!this.compiling) deed();
    else {
      this.line.push({ deed, launches });
      this.proceed();
    }
  }

  /** Do what has waited long enough. */
  proceed() {
    while (!this.clocked && this.line.length && this.line[0].launches.every(({ slot }) => slot.pipeline)) {
      /** @type {{ deed: () => void }} */ (this.line.shift()).deed();
    }
  }

  /**
   * Begin a pipeline for a shader with its override constants; the first `inputs` bindings are read-only.
   * @param {string} name @param {string} code @param {string} constants JSON
   * @param {number} inputs @param {number} bindings @param {boolean} hasUniforms
   */
  pipeline(name, code, constants, inputs, bindings, hasUniforms) {
    let module = this.modules.get(name);
    if (!module) {
      module = this.device.createShaderModule({ label: name, code });
      this.modules.set(name, module);
    }
    const types = /** @type {GPUBufferBindingType[]} */ ([]);
    for (let binding = 0; binding < bindings; binding++) types.push(binding < inputs ? 'read-only-storage' : 'storage');
    if (hasUniforms) types.push('uniform');
    const entries = types.map((type, binding) => ({ binding, visibility: GPUShaderStage.COMPUTE, buffer: { type } }));
    const layout = this.device.createBindGroupLayout({ entries });
    const descriptor = {
      label: name,
      layout: this.device.createPipelineLayout({ bindGroupLayouts: [layout] }),
      compute: { module, entryPoint: 'main', constants: JSON.parse(constants) },
    };
    const slot = /** @type {Slot} */ ({ pipeline: null, layout });
    this.compiling++;
    this.device.createComputePipelineAsync(descriptor)
      // Made again at once, a faulty one reports its fault like every other mistake, and spoils what uses it.
      .catch(() => this.device.createComputePipeline(descriptor))
      .then((pipeline) => {
        slot.pipeline = pipeline;
        this.compiling--;
        this.proceed();
      });
    this.pipelines.push(slot);
    return this.pipelines.length - 1;
  }

  /**
   * Bind operands to a pipeline. They come flat: buffer, offset and size in bytes of each.
   * @param {number} index @param {number} x @param {number} y @param {number} z @param {number[]} operands
   */
  prepare(index, x, y, z, ...operands) {
    const slot = this.pipelines[index];
    const entries = [];
    for (let at = 0; at < operands.length; at += 3) {
      const buffer = /** @type {GPUBuffer} */ (this.buffers.get(operands[at]));
      entries.push({ binding: at / 3, resource: { buffer, offset: operands[at + 1], size: operands[at + 2] } });
    }
    const group = this.device.createBindGroup({ layout: slot.layout, entries });
    this.launches.set(this.next, { slot, group, x, y, z });
    return this.next++;
  }

  /** @param {Launch[]} launches */
  encode(launches) {
    const encoder = this.device.createCommandEncoder();
    this.sweep(encoder, launches);
    this.device.queue.submit([encoder.finish()]);
  }

  /** @param {GPUCommandEncoder} encoder @param {Launch[]} launches @param {GPUComputePassDescriptor} [descriptor] */
  sweep(encoder, launches, descriptor) {
    const sweep = encoder.beginComputePass(descriptor);
    for (const { slot, group, x, y, z } of launches) {
      sweep.setPipeline(/** @type {GPUComputePipeline} */ (slot.pipeline));
      sweep.setBindGroup(0, group);
      sweep.dispatchWorkgroups(x, y, z);
    }
    sweep.end();
  }

  /**
   * Send launches as one pass, and forget them unless a recording will want them.
   * @param {number} first @param {number} last @param {boolean} keep
   */
  submit(first, last, keep) {
    /** @type {Launch[]} */ const launches = [];
    for (let id = first; id <= last; id++) {
      // Buffers and plans share the numbering, so some of these numbers are no launches.
      const launch = this.launches.get(id);
      if (!launch) continue;
      launches.push(launch);
      if (!keep) this.launches.delete(id);
    }
    this.inOrder(() => this.encode(launches), launches);
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

  /**
   * Each time is a submission of its own: a browser resets a GPU that one of them keeps busy for seconds.
   * @param {number} plan @param {number} times
   */
  replay(plan, times) {
    const launches = /** @type {Launch[]} */ (this.plans.get(plan));
    for (let time = 0; time < times; time++) {
      if (!this.compiling) this.encode(launches);
      else this.inOrder(() => this.encode(launches), launches);
    }
  }

  /**
   * Replay, taking the time of each launch: start and end of one after the other, in seconds.
   * @param {number} plan
   * @returns {Promise<Float64Array>}
   */
  replayTimed(plan) {
    const launches = this.plans.get(plan) ?? [];
    const timed = this.device.features.has('timestamp-query') ? () => this.timeByQueries(launches) : () => this.timeByClock(launches);
    return new Promise((resolve, reject) => this.inOrder(() => timed().then(resolve, reject), launches));
  }

  /**
   * A pass for each launch, with timestamps at both ends. Browsers round them (Chromium: to 0.1 ms), so that only the mean
   * of several replays says something of a short one.
   * @param {Launch[]} launches
   */
  async timeByQueries(launches) {
    const reads = [];
    for (let start = 0; start < launches.length; start += MOST_TIMED) {
      const some = launches.slice(start, start + MOST_TIMED);
      const size = 16 * some.length;
      const querySet = this.device.createQuerySet({ type: 'timestamp', count: 2 * some.length });
      const resolved = this.device.createBuffer({ size, usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC });
      const staging = this.device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
      const encoder = this.device.createCommandEncoder();
      some.forEach((launch, index) => this.sweep(encoder, [launch],
        { timestampWrites: { querySet, beginningOfPassWriteIndex: 2 * index, endOfPassWriteIndex: 2 * index + 1 } }));
      encoder.resolveQuerySet(querySet, 0, 2 * some.length, resolved, 0);
      encoder.copyBufferToBuffer(resolved, 0, staging, 0, size);
      this.device.queue.submit([encoder.finish()]);
      reads.push(this.settled(staging.mapAsync(GPUMapMode.READ)).then(() => {
        const seconds = [...new BigUint64Array(staging.getMappedRange())].map((nanoseconds) => Number(nanoseconds) / 1e9);
        for (const used of [querySet, resolved, staging]) used.destroy();
        return seconds;
      }));
    }
    return Float64Array.from((await Promise.all(reads)).flat());
  }

  /**
   * Where there are no timestamps: a submission for each launch, waited for, while everything else waits in line.
   * @param {Launch[]} launches
   */
  async timeByClock(launches) {
    const seconds = [];
    this.compiling++;
    this.clocked = true;
    for (const launch of launches) {
      seconds.push(performance.now() / 1000);
      this.encode([launch]);
      await this.settled(this.device.queue.onSubmittedWorkDone());
      seconds.push(performance.now() / 1000);
    }
    this.compiling--;
    this.clocked = false;
    this.proceed();
    return Float64Array.from(seconds);
  }

  /** @param {number} plan */
  forget(plan) {
    this.plans.delete(plan);
  }

  /**
   * The bytes of a buffer's range, once all work before this has been done.
   * @param {number} id @param {number} offset @param {number} size
   * @returns {Promise<Uint8Array>}
   */
  fetch(id, offset, size) {
    return new Promise((resolve, reject) => this.inOrder(() => this.read(id, offset, size).then(resolve, reject)));
  }

  /** @param {number} id @param {number} offset @param {number} size */
  async read(id, offset, size) {
    const free = this.staging.get(size) ?? [];
    this.staging.set(size, free);
    const staging = free.pop()
      ?? this.device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
    const encoder = this.device.createCommandEncoder();
    encoder.copyBufferToBuffer(/** @type {GPUBuffer} */ (this.buffers.get(id)), offset, staging, 0, size);
    this.device.queue.submit([encoder.finish()]);
    await this.settled(staging.mapAsync(GPUMapMode.READ));
    const copy = new Uint8Array(staging.getMappedRange()).slice();
    staging.unmap();
    // Small ones are read ten times a second; a large one is read for a checkpoint, and would only sit there.
    if (size <= 65536) free.push(staging);
    else staging.destroy();
    return copy;
  }

  /**
   * What the GPU is to be done for. Firefox looks whether it is done ten times a second, and whenever something is submitted
   * (153, measured: reading from an idle GPU takes 100 ms, and 1 ms so); so while we wait, we submit nothing, again and again.
   * @template T
   * @param {Promise<T>} promise
   * @returns {Promise<T>}
   */
  async settled(promise) {
    let timer = 0;
    const nudge = () => {
      this.device.queue.submit([]);
      timer = setTimeout(nudge, 1);
    };
    timer = setTimeout(nudge, 1);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
    }
  }

  close() {
    this.device.destroy();
  }
}
