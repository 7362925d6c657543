"use client";

import { Button } from "@/components/ui/button";

export default function ErrorPage({ reset }: { reset: () => void }) {
  return (
    <main className="mx-auto w-full max-w-[968px] flex-1 px-4 pt-20 wide:px-6">
      <h1 className="text-title">This page couldn’t be shown</h1>
      <p className="mt-2 text-ink-2">Something went wrong on our side. Nothing was changed.</p>
      <Button onClick={reset} className="mt-6">
        Try again
      </Button>
    </main>
  );
}
