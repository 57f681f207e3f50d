// The places of the page, and their addresses: ?place=runs is the list of runs, ?place=write the prompt. The settings are behind the #.

/** @typedef {"train"|"runs"|"write"} Place */

/** @type {Place[]} */
export const PLACES = ["train", "runs", "write"];

/** The place in an address; the first one, if it names none.
 * @param {string} address @returns {Place} */
export function placeIn(address) {
  const asked = new URL(address).searchParams.get("place");
  return PLACES.find((place) => place === asked) ?? "train";
}

/** The same address with another place.
 * @param {Place} place @param {string} address */
export function addressOf(place, address) {
  const url = new URL(address);
  if (place === PLACES[0]) url.searchParams.delete("place");
  else url.searchParams.set("place", place);
  return url.href;
}
