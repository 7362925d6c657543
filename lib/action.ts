import "server-only";
import { revalidatePath } from "next/cache";
import { redirect, unstable_rethrow } from "next/navigation";
import type { z } from "zod";
import { getCaller, getUser, type Caller, type User } from "./auth/user";
import { AppError, unexpectedSentence, type AppErrorCode } from "@/lib/base/errors";
import { describeError, log } from "@/lib/base/log";

export type ActionResult<T> =
  { ok: true; data: T } | { ok: false; code: AppErrorCode | "unexpected"; message: string };

/**
 * A server action for the signed-in person: finds the user, parses the input, and returns failures as a code
 * and a sentence. Every action is a public endpoint; ownership is checked where the data is read.
 */
export function userAction<Schema extends z.ZodType, T>(
  input: Schema,
  work: (context: { user: User; input: z.output<Schema>; now: Date }) => Promise<T>,
) {
  const getPerson = async () => {
    const user = await getUser();
    return user && { user };
  };
  return actionOf(getPerson, input, work);
}

/**
 * Like userAction, for what a fix session's visitor may do as well. The work refuses whatever isn't part of the
 * fix session in `within`; null is someone signed in in full.
 */
export function callerAction<Schema extends z.ZodType, T>(
  input: Schema,
  work: (context: Caller & { input: z.output<Schema>; now: Date }) => Promise<T>,
) {
  return actionOf(getCaller, input, work);
}

function actionOf<Who extends object, Schema extends z.ZodType, T>(
  getWho: () => Promise<Who | null>,
  input: Schema,
  work: (context: Who & { input: z.output<Schema>; now: Date }) => Promise<T>,
) {
  return async (raw: z.input<Schema>): Promise<ActionResult<T>> => {
    try {
      const who = await getWho();
      if (!who) throw new AppError("signed-out");
      const parsed = input.safeParse(raw);
      if (!parsed.success) throw new AppError("invalid-input");
      return { ok: true, data: await work({ ...who, input: parsed.data, now: new Date() }) };
    } catch (error) {
      unstable_rethrow(error);
      if (error instanceof AppError) return { ok: false, code: error.code, message: error.message };
      log.error(describeError(error), "An action ended unexpectedly");
      return { ok: false, code: "unexpected", message: unexpectedSentence };
    }
  };
}

/**
 * A server action for a plain form, which works without JavaScript: like userAction, with the form's text
 * fields as input. Afterwards it redirects to the page that `work` returns, or refreshes the current page on
 * null.
 * @param onError the page that shows what went wrong
 */
export function formAction<Schema extends z.ZodType>(
  input: Schema,
  work: (context: { user: User; input: z.output<Schema>; now: Date }) => Promise<string | null>,
  onError: string | ((fields: Fields) => string),
) {
  const run = userAction(input, work);
  return async (form: FormData): Promise<void> => {
    const fields = fieldsOf(form);
    const result = await run(fields as z.input<Schema>);
    if (!result.ok) redirect(withError(typeof onError === "string" ? onError : onError(fields), result));
    if (result.data) redirect(result.data);
    revalidatePath("/", "layout");
  };
}

type Fields = Partial<Record<string, string>>;

/** The text fields of a form. Files and the framework's own fields are left out. */
export function fieldsOf(form: FormData): Record<string, string> {
  return Object.fromEntries(
    [...form].filter(
      (entry): entry is [string, string] => typeof entry[1] === "string" && !entry[0].startsWith("$"),
    ),
  );
}

/**
 * The page to show after an error, with the error code in its query; the start page for someone signed out.
 */
export function withError(path: string, result: Extract<ActionResult<unknown>, { ok: false }>): string {
  return result.code === "signed-out" ? "/" : `${path}?error=${result.code}`;
}
