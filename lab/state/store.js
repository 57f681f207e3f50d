// The store: one state, changed only by actions; the views are updated in the next animation frame.

/**
 * @template State, Action
 * @param {State} initial
 * @param {(state: State, action: Action) => State} reduce
 */
export function createStore(initial, reduce) {
  let state = initial;
  let frame = 0;
  /** @type {((state: State) => void)[]} */
  const views = [];
  /** @type {((state: State) => void)[]} */
  const watchers = [];

  function draw() {
    frame = 0;
    for (const sync of views) sync(state);
  }

  return {
    get state() {
      return state;
    },
    /** @param {Action} action */
    dispatch(action) {
      state = reduce(state, action);
      for (const watch of watchers) watch(state);
      // All actions within a frame share one redraw.
      if (!frame) frame = requestAnimationFrame(draw);
    },
    /** Calls a function after each action, also where no frames are drawn. @param {(state: State) => void} watch */
    watch(watch) {
      watchers.push(watch);
    },
    /** @param {(state: State) => void} sync */
    subscribe(sync) {
      views.push(sync);
    },
  };
}
