// One state, one way to change it, and one animation frame in which every view catches up.

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
      // Any number of actions within a frame cost one round of drawing.
      if (!frame) frame = requestAnimationFrame(draw);
    },
    /** @param {(state: State) => void} sync */
    watch(sync) {
      views.push(sync);
    },
  };
}
