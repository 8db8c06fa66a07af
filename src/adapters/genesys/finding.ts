/**
 * What was found, in words for whoever has to put it right. `fine`: nothing to do. `costs`: guests are served, something of what we offer is
 * not. `stops`: no guest can be served as things are.
 */
export type Finding = {
  readonly about: 'credentials' | 'clock' | 'permission' | 'limits' | 'deployment' | 'origin';
  readonly verdict: 'fine' | 'costs' | 'stops';
  readonly says: string;
  /** What cannot be done because of it. */
  readonly feature?: string;
};
