// The texts of the page. A language is a file in lab/ui/labels/ with the same keys as en.js.

import { english } from "./labels/en.js";

export const labels = english;
