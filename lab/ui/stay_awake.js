// Keeps the screen on while a run trains in this tab: a computer that falls asleep trains no more.

/** Whether the page may ask: a page in a frame may not unless its frame says so, and asking is an error in the console. */
function isOffered() {
  const policy = /** @type {{featurePolicy?: {allowsFeature: (name: string) => boolean}}} */ (/** @type {unknown} */ (document)).featurePolicy;
  return "wakeLock" in navigator && policy?.allowsFeature("screen-wake-lock") !== false;
}

/** Returns a function of whether a run trains now. Where the browser refuses (a low battery, a frame), the screen may go off. */
export function stayAwake() {
  /** @type {WakeLockSentinel|null} */
  let lock = null;
  let training = false;
  let asking = false;

  async function settle() {
    if (asking) return;
    asking = true;
    try {
      if (training && !document.hidden && (!lock || lock.released)) lock = await navigator.wakeLock.request("screen");
      if (!training && lock) {
        await lock.release();
        lock = null;
      }
    } catch (error) {
      console.info("The screen may go off during training:", error);
      return;
    } finally {
      asking = false;
    }
    if (!training && lock) settle(); // it was paused while the lock was asked for
  }

  // The browser releases the lock of a hidden page.
  document.addEventListener("visibilitychange", () => isOffered() && settle());
  return (/** @type {boolean} */ now) => {
    if (now === training || !isOffered()) return;
    training = now;
    settle();
  };
}
