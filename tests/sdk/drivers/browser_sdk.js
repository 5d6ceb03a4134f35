// Tells a browser's SDK, which the page has loaded, the story. The page calls:
//   rapportStart(sdk, settings), rapportTell(calls)
"use strict";

const starts = {
  "@segment/analytics-next"({ writeKey, url, options }) {
    const { AnalyticsBrowser } = globalThis.AnalyticsNext;
    return AnalyticsBrowser.load({ writeKey, cdnURL: url }, options);
  },
  "@rudderstack/analytics-js"({ writeKey, url, options }) {
    const analytics = new globalThis.rudderanalytics.RudderAnalytics();
    analytics.load(writeKey, url, { configUrl: url, logLevel: "NONE", ...options });
    return analytics;
  },
};

let analytics;
globalThis.rapportStart = async (sdk, settings) => {
  analytics = starts[sdk](settings);
  await new Promise((done) => analytics.ready(done));
  if (settings.anonymousId) await analytics.setAnonymousId(settings.anonymousId);
};

// Ends once the SDK has taken every call; what it takes, it sends or keeps in the browser's store.
globalThis.rapportTell = (calls) => Promise.all(calls.map(tell));

function tell(told) {
  const { userId, previousId, groupId, event, name, traits, properties } = told;
  const options = told.messageId ? { messageId: told.messageId } : {};
  if (told.secondsAgo !== undefined) {
    const moment = new Date(Date.now() - told.secondsAgo * 1000);
    // Each SDK has its own name for when it happened.
    options.timestamp = moment;
    options.originalTimestamp = moment.toISOString();
  }
  const given = {
    identify: [userId, traits],
    track: [event, properties],
    page: [null, name, properties],
    screen: [null, name, properties],
    group: [groupId, traits],
    alias: [userId, previousId],
  }[told.call];
  return analytics[told.call](...given, options);
}
