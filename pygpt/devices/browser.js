// WebGPU in the tab, for pygpt/devices/browser.py. Buffers, pipelines, launches and recordings are stored here and
// identified by small integers. So Python passes numbers, without proxies, and a recorded training step is one call.
//
// Pipelines compile in the background, in parallel, from their first use in Python: software adapters and some drivers
// take 10 to 100 ms for one, and a training step needs fifty. Work waits in a queue until its pipelines are compiled.
// All later calls (writes, reads, destroyed buffers) wait behind it, which keeps Python's order. When nothing is
// compiling, the queue is empty and calls run at once.

const MOST_TIMED = 2048; // launches: a query set has at most 4,096 queries, and a launch takes two

/** @typedef {{ pipeline: GPUComputePipeline | null, layout: GPUBindGroupLayout }} Slot */
/** @typedef {{ slot: Slot, group: GPUBindGroup, x: number, y: number, z: number }} Launch */

/**
 * Request an adapter from the browser.
 * @returns {Promise<GPUAdapter | null>} null if there is no WebGPU or no adapter.
 */
export async function requestAdapter() {
  if (!navigator.gpu) return null;
  return navigator.gpu.requestAdapter({ powerPreference: 'high-performance' });
}

/**
 * The name of an adapter, and whether it is a software adapter.
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
 * Open an adapter with its largest buffer limits.
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
    /** The first uncaptured error, and why the device was lost; empty if neither happened. */
    this.error = '';
    this.lost = '';
    this.next = 1;
    /** @type {Map<number, GPUBuffer>} */ this.buffers = new Map();
    /** @type {Map<number, Launch>} */ this.launches = new Map();
    /** @type {Map<number, Launch[][]>} The launches of each plan, by submission. */ this.plans = new Map();
    /** @type {Slot[]} */ this.pipelines = [];
    /** The number of pipelines being compiled plus replays timed by the clock. `queue` is the work waiting for them. */
    this.compiling = 0;
    this.timingByClock = false;
    /** @type {{ task: () => void, launches: Launch[] }[]} */ this.queue = [];
    /** @type {Map<string, GPUShaderModule>} */ this.modules = new Map();
    /** @type {Map<number, GPUBuffer[]>} */ this.staging = new Map();
    device.addEventListener('uncapturederror', (event) => { this.error ||= event.error.message; });
    device.lost.then((info) => {
      this.lost = `${info.reason}: ${info.message}`;
      if (info.reason !== 'destroyed') console.warn('The GPU was lost:', this.lost); // in the browser's own words
    });
    // Bound for an absent optional input; the shader does not read it.
    this.buffers.set(0, device.createBuffer({ size: 256, usage: GPUBufferUsage.STORAGE }));
  }

  /** @param {number} size */
  create(size) {
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    this.buffers.set(this.next, this.device.createBuffer({ size, usage }));
    return this.next++;
  }

  /**
   * Create a uniform buffer.
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
   * Run a task once the pipelines of `launches` are compiled and all earlier tasks have run: usually at once.
   * @param {() => void} task @param {Launch[]} launches
   */
  inOrder(task, launches = []) {
    if (!this.compiling) task();
    else {
      this.queue.push({ task, launches });
      this.runReady();
    }
  }

  /** Run the tasks that are ready. */
  runReady() {
    while (!this.timingByClock && this.queue.length && this.queue[0].launches.every(({ slot }) => slot.pipeline)) {
      /** @type {{ task: () => void }} */ (this.queue.shift()).task();
    }
  }

  /**
   * Start compiling a pipeline for a shader with its override constants; the first `inputs` bindings are read-only.
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
      // The synchronous call reports a faulty pipeline as an uncaptured error, and invalidates the work that uses it.
      .catch(() => this.device.createComputePipeline(descriptor))
      .then((pipeline) => {
        slot.pipeline = pipeline;
        this.compiling--;
        this.runReady();
      });
    this.pipelines.push(slot);
    return this.pipelines.length - 1;
  }

  /**
   * Bind operands to a pipeline. `operands` is flat: the buffer, offset and size in bytes of each.
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
    this.encodePass(encoder, launches);
    this.device.queue.submit([encoder.finish()]);
  }

  /** @param {GPUCommandEncoder} encoder @param {Launch[]} launches @param {GPUComputePassDescriptor} [descriptor] */
  encodePass(encoder, launches, descriptor) {
    const pass = encoder.beginComputePass(descriptor);
    for (const { slot, group, x, y, z } of launches) {
      pass.setPipeline(/** @type {GPUComputePipeline} */ (slot.pipeline));
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(x, y, z);
    }
    pass.end();
  }

  /**
   * Submit launches as one pass, and drop them unless a recording needs them.
   * @param {number} first @param {number} last @param {boolean} keep
   */
  submit(first, last, keep) {
    /** @type {Launch[]} */ const launches = [];
    for (let id = first; id <= last; id++) {
      // Buffers and plans share the numbering, so not every number is a launch.
      const launch = this.launches.get(id);
      if (!launch) continue;
      launches.push(launch);
      if (!keep) this.launches.delete(id);
    }
    this.inOrder(() => this.encode(launches), launches);
  }

  /**
   * Store a recording's launches as a plan.
   * @param {number} first @param {number} last
   */
  seal(first, last) {
    const launches = [];
    for (let id = first; id <= last; id++) {
      const launch = this.launches.get(id);
      if (launch) launches.push(launch);
      this.launches.delete(id);
    }
    this.plans.set(this.next, [launches]);
    return this.next++;
  }

  /**
   * Cut a plan into submissions: a browser resets a GPU that a submission keeps busy for seconds.
   * @param {number} plan @param {number[]} starts The first launch of each.
   */
  cut(plan, ...starts) {
    const launches = (this.plans.get(plan) ?? []).flat();
    this.plans.set(plan, starts.map((start, index) => launches.slice(start, starts[index + 1])));
  }

  /**
   * Run a plan.
   * @param {number} plan @param {number} times
   */
  replay(plan, times) {
    const submissions = /** @type {Launch[][]} */ (this.plans.get(plan));
    for (let time = 0; time < times; time++) {
      for (const launches of submissions) {
        if (!this.compiling) this.encode(launches);
        else this.inOrder(() => this.encode(launches), launches);
      }
    }
  }

  /**
   * Run a plan and time each launch: the start and end of each in turn, in seconds.
   * @param {number} plan
   * @returns {Promise<Float64Array>}
   */
  replayTimed(plan) {
    const launches = (this.plans.get(plan) ?? []).flat();
    const measure = this.device.features.has('timestamp-query') ? () => this.timeByQueries(launches) : () => this.timeByClock(launches);
    return new Promise((resolve, reject) => this.inOrder(() => measure().then(resolve, reject), launches));
  }

  /**
   * Run one pass per launch, with timestamps at both ends. Browsers round them (Chromium: to 0.1 ms), so a short
   * launch needs the mean of several replays.
   * @param {Launch[]} launches
   */
  async timeByQueries(launches) {
    const reads = [];
    for (let start = 0; start < launches.length; start += MOST_TIMED) {
      const chunk = launches.slice(start, start + MOST_TIMED);
      const size = 16 * chunk.length;
      const querySet = this.device.createQuerySet({ type: 'timestamp', count: 2 * chunk.length });
      const resolved = this.device.createBuffer({ size, usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC });
      const staging = this.device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
      const encoder = this.device.createCommandEncoder();
      chunk.forEach((launch, index) => this.encodePass(encoder, [launch],
        { timestampWrites: { querySet, beginningOfPassWriteIndex: 2 * index, endOfPassWriteIndex: 2 * index + 1 } }));
      encoder.resolveQuerySet(querySet, 0, 2 * chunk.length, resolved, 0);
      encoder.copyBufferToBuffer(resolved, 0, staging, 0, size);
      this.device.queue.submit([encoder.finish()]);
      reads.push(this.awaitGpu(staging.mapAsync(GPUMapMode.READ)).then(() => {
        const seconds = [...new BigUint64Array(staging.getMappedRange())].map((nanoseconds) => Number(nanoseconds) / 1e9);
        for (const used of [querySet, resolved, staging]) used.destroy();
        return seconds;
      }));
    }
    return Float64Array.from((await Promise.all(reads)).flat());
  }

  /**
   * Without timestamps: submit each launch and wait for it, while everything else waits in the queue.
   * @param {Launch[]} launches
   */
  async timeByClock(launches) {
    const seconds = [];
    this.compiling++;
    this.timingByClock = true;
    try {
      for (const launch of launches) {
        seconds.push(performance.now() / 1000);
        this.encode([launch]);
        await this.awaitGpu(this.device.queue.onSubmittedWorkDone());
        seconds.push(performance.now() / 1000);
      }
    } finally {
      this.compiling--;
      this.timingByClock = false;
      this.runReady();
    }
    return Float64Array.from(seconds);
  }

  /** @param {number} plan */
  forget(plan) {
    this.plans.delete(plan);
  }

  /**
   * Read the bytes of a buffer's range, after all earlier work.
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
    await this.awaitGpu(staging.mapAsync(GPUMapMode.READ));
    const copy = new Uint8Array(staging.getMappedRange()).slice();
    staging.unmap();
    // Small buffers are read ten times a second, so keep them. A large one is read only for a checkpoint.
    if (size <= 65536) free.push(staging);
    else staging.destroy();
    return copy;
  }

  /**
   * Wait for the GPU, submitting empty work until it is done. Firefox checks for finished work only ten times a second
   * and at each submission (153, measured: reading from an idle GPU takes 100 ms, and 1 ms with this loop).
   * @template T
   * @param {Promise<T>} promise
   * @returns {Promise<T>}
   */
  async awaitGpu(promise) {
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
