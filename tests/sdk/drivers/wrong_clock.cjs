// The clock of a machine that is set wrong: `require` it before the SDK.
"use strict";
module.exports = (skewSeconds) => {
  const RightDate = Date;
  const now = () => RightDate.now() + skewSeconds * 1000;
  globalThis.Date = class extends RightDate {
    constructor(...given) {
      super(...(given.length ? given : [now()]));
    }
    static now() {
      return now();
    }
  };
};
