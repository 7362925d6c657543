/** A change of one file of the app. */
export interface Patch {
  file: string;
  from: string;
  to: string;
}
