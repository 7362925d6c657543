import { saveSettings } from "@/lib/notifications/actions";
import type { MailSettings } from "@/lib/notifications/views";
import { SubmitButton } from "../ui/submit-button";

const choices: { value: MailSettings["preference"]; label: string; detail: string }[] = [
  {
    value: "all",
    label: "All",
    detail: "When a connection stops, reminders after 3 and 7 days, and when it works again",
  },
  { value: "first", label: "Only the first", detail: "When a connection stops, and when it works again" },
  { value: "none", label: "None", detail: "You’ll still see it here" },
];

/** Which e-mails the person wants, and during which hours none. */
export function MailSettingsForm({ settings, email }: { settings: MailSettings; email: string }) {
  return (
    <section aria-labelledby="mail-settings" className="mt-12 max-w-[560px]">
      <h2 id="mail-settings" className="text-head">
        E-mails
      </h2>
      <p className="mt-1 text-ink-2">We send them to {email}.</p>
      <form action={saveSettings} className="mt-4">
        <fieldset>
          <legend className="text-label">Which e-mails</legend>
          <div className="mt-1 divide-y divide-line rounded-card border border-line bg-surface">
            {choices.map(({ value, label, detail }) => (
              <label key={value} className="flex min-h-11 cursor-pointer items-start gap-3 px-4 py-3">
                <input
                  type="radio"
                  name="preference"
                  value={value}
                  defaultChecked={settings.preference === value}
                  className="mt-1 accent-fill"
                />
                <span>
                  <span className="font-semibold">{label}</span>
                  <span className="block text-small text-ink-2">{detail}</span>
                </span>
              </label>
            ))}
          </div>
        </fieldset>
        <fieldset className="mt-5">
          <legend className="text-label">Quiet hours</legend>
          <div className="mt-1 flex items-center gap-3">
            <ClockInput name="quietFrom" label="From" minutes={settings.quietFrom} />
            <span aria-hidden="true">to</span>
            <ClockInput name="quietTo" label="Until" minutes={settings.quietTo} />
          </div>
          <p className="mt-1 text-small text-ink-2">Set both to the same time to turn this off.</p>
        </fieldset>
        <div className="mt-5">
          <SubmitButton variant="secondary" pendingLabel="Saving…">
            Save
          </SubmitButton>
        </div>
      </form>
    </section>
  );
}

function ClockInput({ name, label, minutes }: { name: string; label: string; minutes: number }) {
  const two = (number: number) => String(number).padStart(2, "0");
  return (
    <input
      type="time"
      name={name}
      aria-label={label}
      required
      defaultValue={`${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`}
      className="digits h-11 rounded-button border border-field bg-surface px-3"
    />
  );
}
