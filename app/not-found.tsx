import { ButtonLink } from "@/components/ui/button";

export default function NotFound() {
  return (
    <main className="mx-auto w-full max-w-[968px] flex-1 px-4 pt-20 wide:px-6">
      <h1 className="text-title">Page not found</h1>
      <p className="mt-2 text-ink-2">It may have been removed, or it may belong to a different account.</p>
      <ButtonLink href="/connections" className="mt-6">
        Go to your connections
      </ButtonLink>
    </main>
  );
}
