// The words of the page, in the visitor's language. A language is a file of lab/ui/labels/ with the same keys as en.js.

import { english } from "./labels/en.js";

export const labels = english;
