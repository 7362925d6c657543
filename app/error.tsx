"use client";

import { PlainPage } from "@/components/auth/plain-page";
import { Button } from "@/components/ui/button";

export default function ErrorPage({ reset }: { reset: () => void }) {
  return (
    <PlainPage appName={null} title="This page couldn’t be shown">
      <p className="mt-2 text-ink-2">Something went wrong on our side. Nothing was changed.</p>
      <Button onClick={reset} className="mt-5 w-full">
        Try again
      </Button>
    </PlainPage>
  );
}
