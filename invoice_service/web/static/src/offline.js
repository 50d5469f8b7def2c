// The page that verifies without us: everything happens here, and it works from disk as well.

import { begin } from "./verify/page.js";

begin();
