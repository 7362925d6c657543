import { ButtonLink } from "@/components/ui/button";

export default function NotFound() {
  return (
    <main className="mx-auto w-full max-w-[968px] flex-1 px-4 pt-20 wide:px-6">
      <h1 className="text-title">There is nothing here</h1>
      <p className="mt-2 text-ink-2">
        The page or connection may have been removed, or belongs to another sign-in.
      </p>
      <ButtonLink href="/connections" className="mt-6">
        To your connections
      </ButtonLink>
    </main>
  );
}
